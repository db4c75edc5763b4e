import * as React from 'react';

import type { RegistryState } from '../api';
import { useFetched, useServices } from '../components/context';
import { Button, ErrorView, Field } from '../components/parts';
import type { ApiError } from '../errors';
import { asApiError } from '../errors';
import { destinationText, problemOf, repositoryOf } from './state';
import type { IDestination } from './state';
import type { IStepProps } from './wizard';
import { problemWord } from './words';

const SETTLE = 250; // ms after the last key before a registry is asked

/** Where the image goes. */
export function DestinationStep({ wizard, send }: IStepProps): JSX.Element {
  const { trans } = useServices();
  const { kind, tag, folder } = wizard.destination;
  const change = (changed: Partial<IDestination>) =>
    send({ type: 'destination', change: changed });
  const problem = problemOf(wizard);
  const kinds: [IDestination['kind'], string, string][] = [
    [
      'engine',
      trans.__('This machine'),
      trans.__('The container engine of the Jupyter server; runs at once.')
    ],
    [
      'registry',
      trans.__('A registry'),
      trans.__('For other machines, schedulers and colleagues.')
    ],
    [
      'layout',
      trans.__('A folder'),
      trans.__('An OCI layout on the server, to be copied elsewhere.')
    ]
  ];
  return (
    <>
      <fieldset className="jp-KernelContainers-kinds">
        <legend className="jp-KernelContainers-hidden">
          {trans.__('Destination')}
        </legend>
        {kinds.map(([value, label, hint]) => (
          <label key={value} data-chosen={kind === value}>
            <input
              type="radio"
              name="jp-kc-kind"
              value={value}
              checked={kind === value}
              onChange={() => change({ kind: value })}
            />
            <span>
              <strong>{label}</strong>
              <span className="jp-KernelContainers-hint">{hint}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {kind === 'registry' && (
        <RegistryFields wizard={wizard} send={send} change={change} />
      )}
      {kind === 'layout' ? (
        <Field
          id="jp-kc-folder"
          label={trans.__('Folder')}
          hint={trans.__("Relative to the server's root folder")}
          problem={
            problem === 'folder-missing' ? problemWord(problem, trans) : null
          }
        >
          {described => (
            <input
              {...described}
              className="jp-mod-styled"
              value={folder}
              onChange={event => change({ folder: event.target.value })}
            />
          )}
        </Field>
      ) : (
        <Field
          id="jp-kc-tag"
          label={trans.__('Tag')}
          problem={
            problem === 'tag-invalid' ? problemWord(problem, trans) : null
          }
        >
          {described => (
            <input
              {...described}
              className="jp-mod-styled"
              spellCheck={false}
              value={tag}
              onChange={event => change({ tag: event.target.value })}
            />
          )}
        </Field>
      )}
      <p>
        {trans.__('The image will be')}{' '}
        <code data-destination>{destinationText(wizard)}</code>
      </p>
    </>
  );
}

function RegistryFields(
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
      {state.error && <ErrorView error={state.error} onRetry={state.again} />}
      {state.value && host === settled && (
        <RegistryDot state={state.value} again={state.again} />
      )}
      <RepositoryField
        {...props}
        ready={state.value?.state === 'ready' && host === settled}
      />
    </>
  );
}

function RegistryDot(props: {
  state: RegistryState;
  again: () => void;
}): JSX.Element {
  const { state, again } = props;
  const { trans } = useServices();
  const words = {
    ready: trans.__('Ready'),
    'sign-in': trans.__('Sign in'),
    unreachable: trans.__('Not reachable')
  };
  const marks = { ready: '✓', 'sign-in': '!', unreachable: '✕' };
  return (
    <div
      className={`jp-KernelContainers-registry jp-mod-${state.state}`}
      data-registry={state.state}
    >
      <p role="status">
        <span aria-hidden>{marks[state.state]}</span>{' '}
        <strong>{words[state.state]}</strong> {state.detail}
        {state.todo && state.state !== 'ready' ? ` ${state.todo}` : ''}
      </p>
      {state.state === 'sign-in' && (
        <SignIn host={state.host} onSignedIn={again} />
      )}
      {state.state === 'unreachable' && (
        <Button label={trans.__('Try again')} onClick={again} />
      )}
    </div>
  );
}

function SignIn(props: { host: string; onSignedIn: () => void }): JSX.Element {
  const { api, trans } = useServices();
  const [user, setUser] = React.useState('');
  const [password, setPassword] = React.useState('');
  const [error, setError] = React.useState<ApiError | null>(null);
  const signIn = () => {
    setError(null);
    api.signIn(props.host, user, password).then(
      () => {
        setPassword('');
        props.onSignedIn();
      },
      (reason: unknown) => setError(asApiError(reason))
    );
  };
  return (
    <form
      className="jp-KernelContainers-signIn"
      aria-label={trans.__('Sign in at %1', props.host)}
      onSubmit={event => {
        event.preventDefault();
        signIn();
      }}
    >
      <div className="jp-KernelContainers-columns">
        <Field id="jp-kc-user" label={trans.__('User')}>
          {described => (
            <input
              {...described}
              className="jp-mod-styled"
              autoComplete="username"
              value={user}
              onChange={event => setUser(event.target.value)}
            />
          )}
        </Field>
        <Field id="jp-kc-password" label={trans.__('Password or token')}>
          {described => (
            <input
              {...described}
              className="jp-mod-styled"
              type="password"
              autoComplete="current-password"
              value={password}
              onChange={event => setPassword(event.target.value)}
            />
          )}
        </Field>
      </div>
      {error && <ErrorView error={error} />}
      <div className="jp-KernelContainers-buttons">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept jp-KernelContainers-button"
        >
          {trans.__('Sign in')}
        </button>
      </div>
    </form>
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
            ? trans.__(
                'This registry lists no repositories: %1',
                found.error.what
              )
            : exists
              ? trans.__('An existing repository')
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
