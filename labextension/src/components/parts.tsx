import { Clipboard } from '@jupyterlab/apputils';
import {
  caretDownIcon,
  caretRightIcon,
  checkIcon,
  copyIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ApiError } from '../errors';
import { formatValues } from '../format';
import { useServices } from './context';
import { stateMark } from './words';

type ButtonKind = 'accept' | 'reject' | 'warn' | 'minimal';

/**
 * A button in JupyterLab's style. A reason makes it unavailable but still focusable, and so does
 * what its click began. Without `onClick` it submits its form.
 */
export function Button(props: {
  kind?: ButtonKind;
  label: string;
  busy?: boolean;
  reason?: string | null;
  title?: string;
  onClick?: () => void;
}): JSX.Element {
  const { kind = 'reject', label, busy = false, reason, onClick } = props;
  const { trans } = useServices();
  const off = busy || !!reason;
  return (
    <button
      type={onClick ? 'button' : 'submit'}
      className={`jp-mod-styled jp-mod-${kind} jp-KernelContainers-button`}
      aria-disabled={off ? true : undefined}
      aria-busy={busy ? true : undefined}
      title={
        busy
          ? trans.__('The server is working on it.')
          : (reason ?? props.title)
      }
      onClick={event => {
        if (off) {
          event.preventDefault();
        } else {
          onClick?.();
        }
      }}
    >
      {label}
    </button>
  );
}

/** A message beside its mark; errors interrupt a screen reader, other messages wait. */
export function Notice(props: {
  kind: 'error' | 'warning' | 'info' | 'success';
  children: React.ReactNode;
}): JSX.Element {
  const marks = { error: '✕', warning: '!', info: 'i', success: '✓' };
  return (
    <div
      className={`jp-KernelContainers-notice jp-mod-${props.kind}`}
      role={props.kind === 'error' ? 'alert' : 'status'}
    >
      <span className="jp-KernelContainers-mark" aria-hidden>
        {marks[props.kind]}
      </span>
      <div className="jp-KernelContainers-noticeBody">{props.children}</div>
    </div>
  );
}

/** What happened, why, and what to do. */
export function ErrorView(props: {
  error: Pick<ApiError, 'what' | 'why' | 'todo'>;
  busy?: boolean;
  onRetry?: () => void;
}): JSX.Element {
  const { trans } = useServices();
  const { what, why, todo } = props.error;
  return (
    <Notice kind="error">
      <strong>{what}</strong>
      {why && (
        <p>
          <Sentence text={trans.__('Cause: %1', why)} />
        </p>
      )}
      {todo && (
        <p>
          <Sentence text={trans.__('Try: %1', todo)} />
        </p>
      )}
      {props.onRetry && (
        <p>
          <Button
            label={trans.__('Try again')}
            busy={props.busy}
            onClick={props.onRetry}
          />
        </p>
      )}
    </Notice>
  );
}

/** A text of the server, whose commands stand between backticks. */
function Sentence({ text }: { text: string }): JSX.Element {
  const parts = text.split('`');
  const isPaired = parts.length % 2 === 1;
  return (
    <>
      {isPaired
        ? parts.map((part, index) =>
            index % 2 ? <code key={index}>{part}</code> : part
          )
        : text}
    </>
  );
}

/** Text in a box, with a button that copies it. */
export function Copyable(props: { label: string; text: string }): JSX.Element {
  const { trans } = useServices();
  const [copied, setCopied] = React.useState(false);
  return (
    <div className="jp-KernelContainers-copyable">
      <code aria-label={props.label} role="textbox" aria-readonly tabIndex={0}>
        {props.text}
      </code>
      <button
        type="button"
        className="jp-mod-styled jp-mod-minimal"
        title={trans.__('Copy')}
        aria-label={trans.__('Copy: %1', props.label)}
        onClick={() => {
          Clipboard.copyToSystem(props.text);
          setCopied(true);
        }}
      >
        {copied ? (
          <checkIcon.react tag="span" />
        ) : (
          <copyIcon.react tag="span" />
        )}
      </button>
      <span role="status" className="jp-KernelContainers-hidden">
        {copied ? trans.__('Copied') : ''}
      </span>
    </div>
  );
}

/** A heading that shows and hides what is below it. */
export function Fold(props: {
  title: string;
  open?: boolean;
  children: React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState(props.open ?? false);
  const Icon = open ? caretDownIcon : caretRightIcon;
  return (
    <div className="jp-KernelContainers-fold">
      <button
        type="button"
        className="jp-KernelContainers-foldTitle"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon.react tag="span" />
        {props.title}
      </button>
      {open && (
        <div className="jp-KernelContainers-foldBody">{props.children}</div>
      )}
    </div>
  );
}

/** A labelled field with its hint and its problem, which screen readers read with it. */
export function Field(props: {
  id: string;
  label: string;
  hint?: string;
  problem?: string | null;
  children: (described: {
    id: string;
    'aria-describedby': string;
    'aria-invalid': boolean | undefined;
  }) => React.ReactNode;
}): JSX.Element {
  const { id, label, hint, problem } = props;
  return (
    <div className="jp-KernelContainers-field">
      <label htmlFor={id}>{label}</label>
      {props.children({
        id,
        'aria-describedby': `${id}-hint`,
        'aria-invalid': problem ? true : undefined
      })}
      <span
        id={`${id}-hint`}
        role={problem ? 'alert' : undefined}
        className={
          problem ? 'jp-KernelContainers-problem' : 'jp-KernelContainers-hint'
        }
      >
        {problem ?? hint}
      </span>
    </div>
  );
}

/** A state's mark in its colour; the word for it stands beside. */
export function StateMark(props: { state: string }): JSX.Element {
  return (
    <span
      className={`jp-KernelContainers-state jp-mod-${props.state}`}
      aria-hidden
    >
      {stateMark(props.state)}
    </span>
  );
}

/** Named values in few lines. */
export function Values(props: {
  of: Readonly<Record<string, unknown>>;
}): JSX.Element | null {
  const text = formatValues(props.of);
  return text ? (
    <span
      className="jp-KernelContainers-hint jp-KernelContainers-values"
      title={text}
    >
      {text}
    </span>
  ) : null;
}

/** How far something is; without a fraction it only moves. */
export function Bar(props: {
  label: string;
  fraction: number | null;
}): JSX.Element {
  return (
    <progress
      className="jp-KernelContainers-bar"
      aria-label={props.label}
      max={1}
      value={props.fraction ?? undefined}
    />
  );
}
