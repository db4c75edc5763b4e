import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { Throttler } from '@lumino/polling';

import type {
  Api,
  ContainerizeResult,
  Job,
  JobRequest,
  RunResult
} from '../api';
import { ApiError, asApiError } from '../errors';
import { followJob } from '../follow';
import { isActive } from '../jobstate';
import type { IServices } from '../services';

const VERSION = 1;
const INTERVAL = 300; // ms between two messages about how a job goes

/**
 * Return what to ask the server for. A kernel names an image and its parameters, or how its own
 * notebook becomes one, and nothing else: it may be in a container to keep it from the rest.
 */
export function requestFor(
  data: unknown,
  notebook: string,
  token: string,
  trans: TranslationBundle
): JobRequest {
  const asked = { ...(data as Record<string, unknown>) };
  if (asked.version === VERSION && asked.kind === 'containerize') {
    const plan = {
      notebook,
      ...(typeof asked.to === 'string' ? { to: asked.to } : {}),
      ...(Array.isArray(asked.parameters)
        ? { parameters: asked.parameters.map(String) }
        : {}),
      ...(Array.isArray(asked.secrets)
        ? { secrets: asked.secrets.map(String) }
        : {})
    };
    return {
      kind: 'containerize',
      token,
      plan,
      allow_secrets: false,
      create_repository: false,
      overwrite: false
    };
  }
  if (
    asked.version === VERSION &&
    asked.kind === 'run' &&
    typeof asked.image === 'string'
  ) {
    const parameters = { ...(asked.parameters as Record<string, unknown>) };
    return {
      kind: 'run',
      token,
      image: asked.image,
      parameters,
      allow_errors: false
    };
  }
  throw new ApiError(
    0,
    trans.__('This version of the front end does not know what was asked for.'),
    null,
    trans.__(
      'Install the same version of kernel_containers beside JupyterLab and in the kernel.'
    )
  );
}

/** Do what one magic of a notebook asks for, and tell its kernel how it goes. */
export async function relay(
  services: IServices,
  panel: NotebookPanel,
  comm: Kernel.IComm,
  data: unknown,
  allowed: Set<string>,
  kernelId: string
): Promise<void> {
  const send = (message: object) => {
    if (!comm.isDisposed) {
      comm.send(message as JSONObject);
    }
  };
  try {
    const path = services.localPath(panel.context.path);
    const request = requestFor(data, path, comm.commId, services.trans);
    const wish = wishOf(kernelId, request);
    if (!allowed.has(wish)) {
      await confirm(services, request);
      allowed.add(wish);
    }
    if (request.kind === 'containerize') {
      await panel.context.save();
    }
    const job = await services.jobs.start(request);
    comm.onMsg = message => {
      if (message.content.data.cancel === true) {
        void services.jobs.cancel(job.id);
      }
    };
    send({ job });
    const ended = await follow(services.api, job, send);
    const made = ended.result as Partial<ContainerizeResult> | null;
    if (made?.reference) {
      allowed.add(wishOf(kernelId, { kind: 'run', image: made.reference }));
    }
    send({ job: ended });
  } catch (error) {
    const { what, why, todo, code } = asApiError(error);
    send({ error: { what, why, todo, code } });
  }
  if (!comm.isDisposed) {
    comm.close();
  }
}

type Wish = JobRequest | { readonly kind: 'run'; readonly image: string };

/** Where an image goes, or which one is run. */
function subjectOf(request: Wish): string {
  if (request.kind === 'containerize') {
    return request.plan.to ?? ''; // this machine's engine
  }
  return 'image' in request ? (request.image ?? '') : '';
}

function wishOf(kernelId: string, request: Wish): string {
  return JSON.stringify([kernelId, request.kind, subjectOf(request)]);
}

/** Ask once per kernel and image: code asks for something outside of where it runs. */
async function confirm(
  { trans }: IServices,
  request: JobRequest
): Promise<void> {
  const subject = subjectOf(request);
  const body =
    request.kind === 'run'
      ? trans.__('Code in this notebook asks to run the image %1.', subject)
      : subject
        ? trans.__(
            'Code in this notebook asks to make an image of it for %1.',
            subject
          )
        : trans.__('Code in this notebook asks to make an image of it.');
  const answer = await showDialog({
    title: trans.__('Allow this while the kernel lives?'),
    body,
    buttons: [
      Dialog.cancelButton(),
      Dialog.okButton({ label: trans.__('Allow') })
    ]
  });
  if (!answer.button.accept) {
    throw new ApiError(0, trans.__('It was not allowed in JupyterLab.'));
  }
}

/** Tell how a job goes; return it once it has ended, after the report of a run was told. */
async function follow(
  api: Api,
  started: Job,
  send: (message: object) => void
): Promise<Job> {
  const news = new Throttler((job: Job) => send({ job }), INTERVAL);
  let stop: () => void = () => undefined;
  const ended = new Promise<Job>((resolve, reject) => {
    stop = followJob(api, started.id, ({ view, error }) => {
      if (error && !view) {
        reject(error);
      } else if (view && isActive(view.job)) {
        news.invoke(view.job).catch(() => undefined);
      } else if (view) {
        resolve(view.job);
      }
    });
  });
  const job = await ended.finally(() => {
    stop();
    news.dispose();
  });
  const report = job.kind === 'run' && (await reportOf(api, job));
  if (report) {
    send({ report });
  }
  return job;
}

async function reportOf(api: Api, job: Job): Promise<object | null> {
  const result = job.result as RunResult | null;
  if (!result?.notebook) {
    return null;
  }
  try {
    const found = await api.result(
      result.notebook,
      result.run_id,
      result.prefix
    );
    return found.report;
  } catch {
    return null; // its place can't be read from here; the job says where it is
  }
}
