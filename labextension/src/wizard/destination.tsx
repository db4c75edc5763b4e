import * as React from 'react';

import { useServices } from '../components/context';
import { Field } from '../components/parts';
import { problemOf } from './problems';
import { RegistryFields } from './registry';
import { destinationText } from './requests';
import { folderOf } from './state';
import type { IDestination } from './state';
import type { IStepProps } from './reducer';
import { problemWord } from './words';

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
        >
          {described => (
            <input
              {...described}
              className="jp-mod-styled"
              spellCheck={false}
              placeholder={folderOf(wizard)}
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
