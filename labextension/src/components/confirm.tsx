import * as React from 'react';

import { useServices } from './context';
import { Button } from './parts';

/** A question in place, because a dialog would wait for the one that is open. */
export function Confirm(props: {
  label: string;
  question: string;
  confirm: string;
  busy?: boolean;
  onConfirm: () => void;
}): JSX.Element {
  const { trans } = useServices();
  const [asking, setAsking] = React.useState(false);
  const place = React.useRef<HTMLSpanElement>(null);
  const asked = React.useRef(false);
  React.useEffect(() => {
    // What had the focus is gone; the last button changes nothing, or asks again.
    if (asking !== asked.current) {
      asked.current = asking;
      place.current?.querySelector<HTMLElement>('button:last-child')?.focus();
    }
  }, [asking]);
  return (
    <span ref={place}>
      {asking ? (
        <span
          className="jp-KernelContainers-confirm"
          role="group"
          aria-label={props.question}
          onKeyDown={event => {
            if (event.key === 'Escape') {
              event.stopPropagation();
              setAsking(false);
            }
          }}
        >
          {props.question}{' '}
          <Button
            kind="warn"
            label={props.confirm}
            onClick={() => {
              setAsking(false);
              props.onConfirm();
            }}
          />
          <Button label={trans.__('Keep')} onClick={() => setAsking(false)} />
        </span>
      ) : (
        <Button
          kind="minimal"
          label={props.label}
          busy={props.busy}
          onClick={() => setAsking(true)}
        />
      )}
    </span>
  );
}
