// @vitest-environment jsdom
/** What the server says of itself, and what panels make of it. */
import { expect, test } from 'vitest';
import { shapeOf } from '../src/shapes';
import { Graph, Kinds, ServerState } from '@astrolabe/stream';
import { noticesOf } from '../src/notices';

const said = (state: string, more: Partial<ServerState> = {}) => noticesOf({ type: 'state', state, why: '', ...more });

test('nothing is noticed of a server that is live, or too old to tell', () => {
  expect(noticesOf(undefined)).toEqual([]);
  expect(said('live')).toEqual([]);
});

test('whatever else it is stands beside what is shown', () => {
  const progress = { kinds: 12, of: 38, objects: 1335 };
  const why = '12 of 38 kinds are listed; Pod cannot be listed: 504';
  expect(said('syncing', { progress, why })).toEqual([
    {
      severity: 'info',
      text: 'Astrolabe is still reading the cluster: 12 of 38 kinds, 1,335 objects; Pod cannot be listed: 504. There may be more problems than shown.',
    },
  ]);
  const partial = [{ kind: 'Secret', reason: 'forbidden', why: '403 Forbidden' }, { kind: 'Job' }];
  expect(said('partial', { partial })).toEqual([
    { severity: 'warning', text: 'Some resources are not visible: Secret (403 Forbidden), Job (missing).' },
  ]);
  expect(said('partial', { why: 'not readable: Secret' })[0].text).toBe(
    'Some resources are not visible: not readable: Secret.'
  );
  const since = '2026-11-30T04:05:00Z';
  const clock = new Date(since).toLocaleTimeString();
  expect(said('stale', { since, why: 'no leader writes' })).toEqual([
    { severity: 'warning', text: `Stale since ${clock}: no leader writes. Showing the last known state.` },
  ]);
  expect(said('frozen', { why: 'winter' })[0].text).toBe('The state of Astrolabe is frozen: winter.');
});

test('of several clusters, those that are not live are named', () => {
  const since = '2026-11-30T14:02:00Z';
  const clock = new Date(since).toLocaleTimeString();
  const clusters = [
    { name: 'prod-eu', state: 'stale', since, why: 'the API server cannot be reached' },
    { name: 'prod-us', state: 'live', since, why: '' },
    { name: 'staging', state: 'syncing', since: '', why: '12 of 42 kinds are listed' },
  ];
  expect(said('syncing', { why: 'prod-eu is stale', clusters })).toEqual([
    {
      severity: 'warning',
      text: `prod-eu is stale since ${clock}: the API server cannot be reached. Showing its last known state.`,
    },
    {
      severity: 'info',
      text: 'staging is syncing: 12 of 42 kinds are listed. There may be more problems than shown.',
    },
  ]);
  expect(said('live', { clusters: [clusters[1]!] })).toEqual([]);
});

test('what the rights of the user or the data source do not show stands beside it', () => {
  const hidden = ['Node', 'Secret', 'Lease', 'Job', 'CronJob', 'Ingress', 'Event', 'ConfigMap'];
  const coverage = { hidden, limited: ['Pod', 'Service'], namespaces: ['bank', 'shop'] };
  const text =
    'Only in the namespaces bank, shop: Pod, Service. ' +
    'Not visible with your rights: Node, Secret, Lease, Job, CronJob, Ingress and 2 more.';
  expect(said('live', { coverage })).toEqual([{ severity: 'info', text }]);
  expect(said('stale', { coverage }).map(({ severity }) => severity)).toEqual(['warning', 'info']);
  expect(said('live', { coverage: { hidden: ['Node'], limited: [], namespaces: [] } })[0].text).toBe(
    'Not visible with your rights: Node.'
  );
});

test('a series has no points of a time of which nothing is known', () => {
  const counts = shapeOf({ refId: 'A', queryType: 'counts' }, new Kinds());
  const update = { graph: new Graph(), changes: [], time: 0 };
  const points = (more: object) => counts.frames({ ...update, ...more }, 'A')[0].length;
  const state = (name: string) => ({ state: { type: 'state' as const, state: name } });
  expect(points({})).toBe(1);
  expect(points(state('stale'))).toBe(1);
  expect(points({ trouble: 'cut' })).toBe(1);
  expect(points(state('partial'))).toBe(2);
});
