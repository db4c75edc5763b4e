import * as React from 'react';

import type { RegistryState } from '../api';
import { useAction } from '../components/action';
import { useServices } from '../components/context';
import { Button, ErrorView, Field } from '../components/parts';

/** Whether a registry is ready, with what to do when it is not. */
export function RegistryDot(props: {
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
      <div role="status">
        <p>
          <span aria-hidden>{marks[state.state]}</span>{' '}
          <strong>{words[state.state]}</strong>
        </p>
        <p>{state.detail}</p>
        {state.todo && state.state === 'unreachable' && (
          <p>{trans.__('Try: %1', state.todo)}</p>
        )}
      </div>
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
  const { busy, error, act } = useAction();
  const signIn = async () => {
    await api.signIn(props.host, user, password);
    setPassword('');
    props.onSignedIn();
  };
  return (
    <form
      className="jp-KernelContainers-signIn"
      aria-label={trans.__('Sign in at %1', props.host)}
      onSubmit={event => {
        event.preventDefault();
        act(signIn);
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
        <Button kind="accept" label={trans.__('Sign in')} busy={busy} />
      </div>
    </form>
  );
}
