// @vitest-environment jsdom
/** What panels make of the problems that the server answers, and when they ask for them. */
import { Graph, Kinds, Node, Problem, Status } from '@astrolabe/stream';
import { Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { problemsFrame } from '../src/frames/problems';
import { Update } from '../src/live';
import { chosen, problemParams, withProblems } from '../src/problems';
import { shapeOf } from '../src/shapes';
import { inFocus, Part } from '../src/topology/part';

const KINDS = new Kinds([
  { kind: 'Ingress', plural: 'ingresses', column: 0 },
  { kind: 'Route.example.com', plural: 'routes', column: 0 },
  { kind: 'Service', plural: 'services', column: 1 },
  { kind: 'EndpointSlice', plural: 'endpointslices', column: 2, relays: true },
  { kind: 'Deployment', plural: 'deployments', column: 2 },
  { kind: 'Pod', plural: 'pods', column: 3 },
]);

function who(kind: string, name: string, status: Status = 'Error') {
  return { kind, group: '', namespace: 'shop', name, uid: name, status };
}

/** Two Pods of a Deployment, and what they break. */
const WEB: Problem = {
  id: 'a1',
  status: 'Error',
  reason: 'CrashLoopBackOff',
  message: 'container app ends with 1',
  since: '2026-01-01T00:00:00Z',
  cause: { ...who('Pod', 'pod-1'), count: 2, members: [who('Pod', 'pod-1'), who('Pod', 'pod-2')] },
  affected: {
    total: 6,
    kinds: { Deployment: 1, EndpointSlice: 1, Ingress: 1, 'Route.example.com': 1, Service: 2 },
    nodes: [who('Ingress', 'entry'), who('Service', 'web'), who('Service', 'api', 'Pending')],
  },
  entries: [],
  releases: [
    { namespace: 'shop', name: 'entry' },
    { namespace: 'shop', name: 'web' },
  ],
  namespaces: ['shop'],
  path: [],
};
const LACK: Problem = {
  ...WEB,
  id: 'b2',
  reason: 'NotFound',
  since: undefined,
  cause: { kind: 'Secret', group: '', namespace: '', name: 'keys', missing: true },
  affected: { total: 1, kinds: { EndpointSlice: 1 } },
  releases: [{ namespace: 'shop', name: 'web' }],
};

function part(names: string[], ...edges: string[]): Part {
  const links = edges.map((text) => text.split(' > '));
  return {
    nodes: new Map(names.map((name): [string, Node] => [name, { ...who('Pod', name), release: 'web' }])),
    edges: new Map(links.map(([from, to]) => [`${from} ${to}`, { type: 'needs', from, to }])),
  };
}

function rows(problems: Problem[], nodes: Part['nodes'] = new Map()): Array<Record<string, unknown>> {
  const { fields, length } = problemsFrame(problems, 'A', { kinds: KINDS, nodes });
  return Array.from({ length }, (_, at) => Object.fromEntries(fields.map(({ name, values }) => [name, values[at]])));
}

test('a problem is a row, with what it breaks from the front to the back', () => {
  expect(rows([WEB], part(['pod-1']).nodes)).toEqual([
    {
      status: 'Error',
      since: Date.parse('2026-01-01T00:00:00Z'),
      reason: 'CrashLoopBackOff',
      kind: 'Pod ×2',
      name: 'pod-1',
      message: 'container app ends with 1',
      affected: 6,
      dependents: '1 Ingress, 1 Route, 2 Services, 1 Deployment',
      namespace: 'shop',
      release: 'web',
      uid: 'pod-1',
    },
  ]);
});

test('of a cause that does not exist, the row says so, and where it is missed', () => {
  expect(rows([LACK])).toMatchObject([
    { kind: 'Secret, missing', name: 'keys', since: null, dependents: '1 EndpointSlice', uid: '' },
  ]);
  expect(rows([LACK])).toMatchObject([{ namespace: 'shop', release: 'web' }]);
  expect(rows([{ ...LACK, namespaces: ['pay', 'shop'], releases: WEB.releases }])).toMatchObject([
    { namespace: '', release: '' },
  ]);
});

test('problems that have ended are left out, and statuses choose among the others', () => {
  const pending = { ...LACK, status: 'Pending' as const };
  const ended = { ...WEB, ended: '2026-01-01T01:00:00Z' };
  expect(chosen([WEB, pending, ended], [])).toEqual([WEB, pending]);
  expect(chosen([WEB, pending, ended], ['Pending', 'Unknown'])).toEqual([pending]);
});

test('the server is asked for the rows that are shown, and for all where some are chosen', () => {
  const filter = { namespace: ['pay', 'shop'], selector: 'app in (a,b)' };
  const lists = { namespace: 'pay,shop', selector: 'app in (a,b)' };
  const table = { refId: 'A', queryType: 'problems' as const };
  expect(problemParams(table, filter, [])).toEqual({ ...lists, sort: 'severity', limit: '100' });
  expect(problemParams({ ...table, sort: 'age', limit: 7 }, {}, [])).toEqual({ sort: 'age', limit: '7' });
  expect(problemParams({ ...table, limit: 70_000 }, {}, [])).toMatchObject({ limit: '10000' });
  expect(problemParams({ ...table, limit: 7 }, {}, ['Error'])).toMatchObject({ limit: '10000' });
  const focus = { refId: 'A', focus: true, limit: 150 };
  expect(problemParams(focus, {}, [])).toEqual({ sort: 'severity', limit: '10000', detail: 'true' });
});

test('in focus are the causes and what they break, and nothing else', () => {
  const graph = part(
    ['entry', 'web', 'pod-1', 'pod-2', 'pod-3', 'settings'],
    ...['entry > web', 'web > pod-1', 'web > pod-3', 'pod-1 > settings']
  );
  const { nodes, edges } = inFocus(graph, [WEB, LACK]);
  expect([...nodes.keys()]).toEqual(['entry', 'web', 'pod-1', 'pod-2']);
  expect([...edges.keys()]).toEqual(['entry web', 'web pod-1']);
  expect(inFocus(graph, [])).toEqual({ nodes: new Map(), edges: new Map() });
});

test('a table has no more rows than it may; before the first answer there is no table', () => {
  const update: Update = { graph: new Graph(), changes: [], time: 0 };
  const lengths = (query: object, more: object) =>
    shapeOf({ refId: 'A', ...query }, KINDS)
      .frames({ ...update, ...more }, 'A')
      .map(({ length }) => length);
  expect(lengths({ queryType: 'problems', limit: 1 }, { problems: [WEB, LACK] })).toEqual([1]);
  expect(lengths({ queryType: 'problems' }, {})).toEqual([]);
  expect(lengths({ focus: true }, {})).toEqual([]);
  expect(lengths({ focus: true }, { problems: [WEB] })).toEqual([0, 0]);
});

describe('the server is asked', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const quiet: Update = { graph: new Graph(), changes: [], time: 0 };
  const change: Update = { ...quiet, changes: [{ op: 'set' } as never] };

  function follow() {
    const updates = new Subject<Update>();
    const questions: Array<{ resolve: (problems: Problem[]) => void; reject: (error: Error) => void }> = [];
    const ask = () => new Promise<Problem[]>((resolve, reject) => questions.push({ resolve, reject }));
    const seen: Update[] = [];
    const subscription = withProblems(updates, ask).subscribe((update) => seen.push(update));
    const ids = () => seen.map(({ problems }) => problems?.map(({ id }) => id).join());
    return { updates, questions, seen, ids, subscription };
  }

  const pass = (millis: number) => vi.advanceTimersByTimeAsync(millis);

  test('at once, then at most once a second while the graph changes, and now and then while it does not', async () => {
    const { updates, questions, ids, subscription } = follow();
    updates.next(quiet);
    expect([questions.length, ids()]).toEqual([1, []]);
    questions[0].resolve([WEB]);
    await pass(0);
    expect(ids()).toEqual(['a1']);
    updates.next(change);
    updates.next(change);
    await pass(999);
    expect([questions.length, ids()]).toEqual([1, ['a1']]);
    await pass(1);
    expect(questions.length).toBe(2);
    questions[1].resolve([WEB, LACK]);
    await pass(9999);
    expect([questions.length, ids()]).toEqual([2, ['a1', 'a1,b2']]);
    await pass(1);
    expect(questions.length).toBe(3);
    subscription.unsubscribe();
    questions[2].resolve([]);
    await pass(60_000);
    expect([questions.length, ids().length, vi.getTimerCount()]).toEqual([3, 2, 0]);
  });

  test('again after a slow answer, if the graph has changed meanwhile', async () => {
    const { updates, questions } = follow();
    updates.next(quiet);
    updates.next(change);
    await pass(3000);
    expect(questions.length).toBe(1);
    questions[0].resolve([]);
    await pass(0);
    expect(questions.length).toBe(2);
  });

  test('and what it answered last stays when it does not answer, or is not there', async () => {
    const { updates, questions, seen } = follow();
    updates.next(quiet);
    questions[0].reject(new Error('HTTP 502'));
    await pass(0);
    expect(seen).toMatchObject([{ unanswered: 'HTTP 502' }]);
    expect(seen[0].problems).toBeUndefined();
    await pass(10_000);
    questions[1].resolve([WEB]);
    await pass(0);
    expect(seen[1]).toEqual({ ...quiet, problems: [WEB] });
    updates.next({ ...quiet, trouble: 'cut' });
    expect(seen[2]).toEqual({ ...quiet, trouble: 'cut', problems: [WEB] });
    await pass(60_000);
    expect(questions.length).toBe(2);
    updates.next(change);
    await pass(1000);
    expect(seen.length).toBe(3);
    questions[2].reject(new Error('HTTP 503'));
    await pass(0);
    expect(seen[3]).toEqual({ ...change, problems: [WEB], unanswered: 'HTTP 503' });
  });
});
