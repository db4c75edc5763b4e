import * as React from 'react';

import type { Plan } from '../api';
import { useFetched, useServices } from '../components/context';
import { Button, Field, Fold } from '../components/parts';
import type { IStepProps } from './reducer';

const OURS = '/opt/kernel-containers/'; // where an image has what runs it

/** Which files the image gets, and what the user wants to be otherwise. */
export function FilesView({
  wizard,
  send,
  plan
}: IStepProps & { plan: Plan | null }): JSX.Element {
  const { trans } = useServices();
  const { includes, excludes } = wizard.files;
  const files = plan?.files.filter(path => !path.startsWith(OURS)) ?? [];
  const leftOut =
    plan?.exclusions.filter(item => !excludes.includes(item.path)) ?? [];
  const without = (paths: readonly string[], path: string) =>
    paths.filter(other => other !== path);
  return (
    <>
      {plan && (
        <Fold title={trans.__('Files: %1', files.length)}>
          <ul className="jp-KernelContainers-plain">
            {files.map(path => (
              <FileRow
                key={path}
                path={path}
                action={trans.__('Leave out')}
                onAct={
                  path === plan.notebook
                    ? null
                    : () =>
                        send({
                          type: 'files',
                          change: {
                            excludes: [...without(excludes, path), path]
                          }
                        })
                }
              />
            ))}
          </ul>
        </Fold>
      )}
      {leftOut.length + excludes.length > 0 && (
        <Fold
          title={trans.__('Left out: %1', leftOut.length + excludes.length)}
        >
          <ul className="jp-KernelContainers-plain">
            {excludes.map(path => (
              <FileRow
                key={path}
                path={path}
                action={trans.__('Put back')}
                onAct={() =>
                  send({
                    type: 'files',
                    change: { excludes: without(excludes, path) }
                  })
                }
              />
            ))}
            {leftOut.map(({ path, reason }) => (
              <FileRow key={path} path={path} reason={reason} />
            ))}
          </ul>
        </Fold>
      )}
      <Fold
        title={
          includes.length
            ? trans.__('Added by you: %1', includes.length)
            : trans.__('Add files')
        }
        open={includes.length > 0}
      >
        {includes.length > 0 && (
          <ul className="jp-KernelContainers-plain">
            {includes.map(path => (
              <FileRow
                key={path}
                path={path}
                action={trans.__('Remove')}
                onAct={() =>
                  send({
                    type: 'files',
                    change: { includes: without(includes, path) }
                  })
                }
              />
            ))}
          </ul>
        )}
        <AddFile
          notebook={wizard.notebook}
          onAdd={path =>
            send({
              type: 'files',
              change: { includes: [...without(includes, path), path] }
            })
          }
        />
      </Fold>
    </>
  );
}

function FileRow(props: {
  path: string;
  reason?: string;
  action?: string;
  onAct?: (() => void) | null;
}): JSX.Element {
  const { path, reason, action, onAct } = props;
  return (
    <li data-file={path}>
      <code>{path}</code> {reason}
      {onAct && (
        <button
          type="button"
          className="jp-KernelContainers-link"
          aria-label={`${action}: ${path}`}
          onClick={event => {
            // The row goes; the list's heading stays.
            event.currentTarget
              .closest('.jp-KernelContainers-fold')
              ?.querySelector('button')
              ?.focus();
            onAct();
          }}
        >
          {action}
        </button>
      )}
    </li>
  );
}

/** A path below the server's root, found folder by folder. */
function AddFile(props: {
  notebook: string;
  onAdd: (path: string) => void;
}): JSX.Element {
  const { listFolder, trans } = useServices();
  const start = folderOf(props.notebook);
  const [typed, setTyped] = React.useState(start);
  const folder = folderOf(typed);
  const found = useFetched(() => listFolder(folder), folder);
  // The notebook's whole folder is what nobody has asked for yet.
  const path = typed === start ? '' : typed.trim().replace(/\/+$/, '');
  const add = () => {
    props.onAdd(path);
    setTyped(start);
  };
  return (
    <Field
      id="jp-kc-include"
      label={trans.__('Another file or folder')}
      hint={trans.__('Such as data that lies in another folder')}
      problem={found.error?.what}
    >
      {described => (
        <div className="jp-KernelContainers-tools">
          <input
            {...described}
            className="jp-mod-styled"
            list="jp-kc-paths"
            spellCheck={false}
            value={typed}
            onChange={event => setTyped(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                event.preventDefault();
                if (path) {
                  add();
                }
              }
            }}
          />
          <datalist id="jp-kc-paths">
            {found.value?.map(item => (
              <option key={item} value={item} />
            ))}
          </datalist>
          <Button
            label={trans.__('Add')}
            reason={path ? null : trans.__('Choose a file or folder.')}
            onClick={add}
          />
        </div>
      )}
    </Field>
  );
}

/** Return the part of a path up to its last slash. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
