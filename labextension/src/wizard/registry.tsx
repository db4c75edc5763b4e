import * as React from 'react';

import { useFetched, useServices } from '../components/context';
import { ErrorView, Field } from '../components/parts';
import { problemOf } from './problems';
import { RegistryDot } from './signin';
import { repositoryOf } from './state';
import type { IDestination } from './state';
import type { IStepProps } from './reducer';
import { problemWord } from './words';

const SETTLE = 250; // ms after the last key before a registry is asked

/** Which registry, and which of its repositories. */
export function RegistryFields(
  props: IStepProps & { change: (changed: Partial<IDestination>) => void }
): JSX.Element {
  const { wizard, change } = props;
  const { api, trans } = useServices();
  const { host } = wizard.destination;
  const settled = useSettled(host);
  const known = useFetched(() => api.registries(), 'registries');
  const state = useFetched(
    () => (settled ? api.registry(settled) : Promise.resolve(null)),
    settled
  );
  const problem = problemOf(wizard);
  const asking = host !== settled || state.loading;
  return (
    <>
      <Field
        id="jp-kc-host"
        label={trans.__('Registry')}
        hint={trans.__('Such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com')}
        problem={
          problem === 'host-missing' ? problemWord(problem, trans) : null
        }
      >
        {described => (
          <>
            <input
              {...described}
              className="jp-mod-styled"
              list="jp-kc-hosts"
              spellCheck={false}
              value={host}
              onChange={event => change({ host: event.target.value.trim() })}
            />
            <datalist id="jp-kc-hosts">
              {known.value?.map(registry => (
                <option key={registry.host} value={registry.host} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      {known.error && <ErrorView error={known.error} onRetry={known.again} />}
      {asking && host && (
        <p role="status">{trans.__('Asking the registry…')}</p>
      )}
      {!asking && state.error && (
        <ErrorView error={state.error} onRetry={state.again} />
      )}
      {!asking && state.value && (
        <RegistryDot state={state.value} again={state.again} />
      )}
      <RepositoryField
        {...props}
        ready={!asking && state.value?.state === 'ready'}
      />
    </>
  );
}

function RepositoryField(
  props: IStepProps & {
    ready: boolean;
    change: (changed: Partial<IDestination>) => void;
  }
): JSX.Element {
  const { wizard, change, ready } = props;
  const { api, trans } = useServices();
  const { host } = wizard.destination;
  const text = repositoryOf(wizard);
  const typed = useSettled(wizard.destination.repository);
  const found = useFetched(
    () =>
      ready
        ? api.repositories(host, typed)
        : Promise.resolve({ repositories: [], next: null }),
    `${ready} ${host} ${typed}`
  );
  const problem = problemOf(wizard);
  const names = found.value?.repositories ?? [];
  const exists = names.includes(text);
  return (
    <Field
      id="jp-kc-repository"
      label={trans.__('Repository')}
      hint={
        !ready || found.loading
          ? undefined
          : found.error
            ? found.error.what
            : exists
              ? trans.__('An existing repository')
              : found.value?.next
                ? undefined // it may be among those that are not listed here
                : trans.__('“%1” will be created', text)
      }
      problem={
        problem === 'repository-invalid' ? problemWord(problem, trans) : null
      }
    >
      {described => (
        <>
          <input
            {...described}
            className="jp-mod-styled"
            spellCheck={false}
            value={wizard.destination.repository}
            placeholder={wizard.name}
            onChange={event =>
              change({ repository: event.target.value.trim() })
            }
          />
          {names.length > 0 && (
            <ul
              className="jp-KernelContainers-choices"
              aria-label={trans.__('Repositories')}
            >
              {names.slice(0, 8).map(name => (
                <li key={name}>
                  <button
                    type="button"
                    aria-pressed={name === text}
                    onClick={() => change({ repository: name })}
                  >
                    {name}
                  </button>
                </li>
              ))}
              {(names.length > 8 || found.value?.next) && (
                <li className="jp-KernelContainers-hint">
                  {trans.__('Type to find others')}
                </li>
              )}
            </ul>
          )}
        </>
      )}
    </Field>
  );
}

/** Return a text once it has not changed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = React.useState(text);
  React.useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), SETTLE);
    return () => window.clearTimeout(timer);
  }, [text]);
  return settled;
}
