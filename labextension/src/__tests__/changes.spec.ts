import { keepDraft, restoreDraft } from '../wizard/draft';
import { problemOf } from '../wizard/problems';
import { defaultsOf, imageRequest } from '../wizard/requests';
import { chosenNames, open } from '../wizard/state';
import type { IEdit, IWizard } from '../wizard/state';
import { INSPECTION, play } from './samples';

describe('changes of a parameter', () => {
  const ready = play(open('a.ipynb', undefined, 'token'), {
    type: 'inspected',
    inspection: INSPECTION
  });
  const change = (edit: IEdit, name = 'weeks') =>
    play(ready, { type: 'edit-parameter', name, change: edit });

  it('are told the server, and nothing that was not changed', () => {
    expect(imageRequest(ready).declarations).toBeUndefined();
    expect(
      imageRequest(change({ type: 'float', default: '1.5' })).declarations
    ).toEqual({ weeks: { excluded: false, type: 'float', default: 1.5 } });
    expect(
      imageRequest(change({ description: 'how long' })).declarations
    ).toEqual({ weeks: { excluded: false, description: 'how long' } });
  });

  it('are what a run gets that says nothing else, secrets left out', () => {
    expect(defaultsOf(change({ type: 'float', default: '1.5' }))).toEqual({
      weeks: 1.5
    });
  });

  it('may add one that was not found, which stays when the notebook is read again', () => {
    const added = play(
      ready,
      { type: 'add-parameter', name: 'until' },
      { type: 'inspect-again' },
      { type: 'inspected', inspection: INSPECTION },
      { type: 'edit-parameter', name: 'until', change: { type: 'date' } },
      {
        type: 'edit-parameter',
        name: 'until',
        change: { default: '2026-01-31' }
      }
    );
    expect(chosenNames(added)).toContain('until');
    expect(imageRequest(added).declarations).toEqual({
      until: { excluded: false, type: 'date', default: '2026-01-31' }
    });
  });

  it('make an enum of the values that were named', () => {
    const enumerated = change({ type: 'enum', choices: '1, 2' });

    expect(imageRequest(enumerated).declarations?.weeks).toMatchObject({
      type: 'enum',
      choices: [1, 2],
      default: 1
    });
  });

  it('that do not fit hold the wizard at its step', () => {
    const at = (wizard: IWizard) =>
      problemOf({ ...wizard, step: 'parameters' });

    expect(at(change({ default: 'many' }))).toBe('edit-invalid');
    expect(at(change({ type: 'enum', choices: '2, 3' }))).toBe('edit-invalid');
    expect(at(change({ default: '2' }))).toBeNull();
  });

  it('choose the parameter, and can be taken back', () => {
    const changed = change({ default: '2' }, 'derived');

    expect(chosenNames(changed)).toContain('derived');
    const undone = play(changed, { type: 'undo-parameter', name: 'derived' });
    expect(imageRequest(undone).declarations).toBeUndefined();
  });

  it('say of a name that looks like a secret that it is none', () => {
    const open_ = play(ready, {
      type: 'secret',
      name: 'api_key',
      secret: false
    });

    expect(imageRequest(open_)).toMatchObject({
      secrets: [],
      declarations: { api_key: { secret: false } }
    });
  });
});

describe('a draft', () => {
  const ADDRESS = '/kernel-containers/api';
  const typed = play(
    open('a.ipynb', undefined, 'token'),
    { type: 'inspected', inspection: INSPECTION },
    { type: 'edit', field: 'title', text: 'Typed' },
    { type: 'go', step: 'parameters' }
  );
  const fresh = open('a.ipynb', undefined, 'other');

  afterEach(() => window.localStorage.clear());

  it('brings back what was typed, and where', () => {
    keepDraft(ADDRESS, typed);

    expect(restoreDraft(ADDRESS, fresh)).toMatchObject({
      title: 'Typed',
      step: 'parameters',
      restored: true,
      token: 'other'
    });
    expect(restoreDraft('/another/api', fresh)).toEqual(fresh);
  });

  it('of a review is planned again once the notebook was read', () => {
    keepDraft(ADDRESS, { ...typed, step: 'review' });

    const { plan, target } = restoreDraft(ADDRESS, fresh);

    expect([plan.status, target.status]).toEqual(['loading', 'loading']);
  });

  it('goes when a job was started, and when nothing was typed', () => {
    for (const done of [{ ...typed, step: 'progress' as const }, fresh]) {
      keepDraft(ADDRESS, typed);
      keepDraft(ADDRESS, done);
      expect(restoreDraft(ADDRESS, fresh)).toEqual(fresh);
    }
  });

  it('that another version wrote is not taken up', () => {
    window.localStorage.setItem(
      'kernel-containers:draft:/kernel-containers/api:a.ipynb',
      '{"title": "Old"}'
    );

    expect(restoreDraft(ADDRESS, fresh)).toEqual(fresh);
  });
});
