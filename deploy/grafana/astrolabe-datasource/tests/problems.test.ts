// @vitest-environment jsdom
/** What panels make of the problems that the server tells. */
import { Graph, Kinds, Node, Problem, ProblemSort, Status } from '@astrolabe/stream';
import { Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { problemsFrame } from '../src/frames/problems';
import { Update } from '../src/live';
import { askedBy, chosen, ProblemUpdate, withProblems } from '../src/problems';
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
  expect(chosen([pending, WEB, ended], {}, [])).toEqual([WEB, pending]);
  expect(chosen([WEB, pending, ended], {}, ['Pending', 'Unknown'])).toEqual([pending]);
});

test('problems come in the order of the query', () => {
  const far = { ...WEB, id: 'c3', reach: 1, since: '2026-01-03T00:00:00Z' };
  const near = { ...WEB, id: 'd4', reach: 2001, affected: { total: 1, kinds: {} } };
  const ids = (sort?: ProblemSort) => chosen([far, near], { sort }, []).map(({ id }) => id);
  expect(ids()).toEqual(['d4', 'c3']);
  expect(ids('affected')).toEqual(['c3', 'd4']);
  expect(ids('newest')).toEqual(['c3', 'd4']);
});

test('a table follows problems as they are, a focus also what they affect', () => {
  const filter = { namespace: ['shop'] };
  expect(askedBy({ refId: 'A', queryType: 'problems' }, filter)).toEqual({ filter, detail: false });
  expect(askedBy({ refId: 'A', focus: true }, filter)).toEqual({ filter, detail: true });
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

describe('a part of the graph with its problems', () => {
  const quiet: Update = { graph: new Graph(), changes: [], time: 0 };

  function follow() {
    const updates = new Subject<Update>();
    const problems = new Subject<ProblemUpdate>();
    const seen: Update[] = [];
    const subscription = withProblems(updates, problems, (found) => chosen(found, {}, [])).subscribe((update) =>
      seen.push(update)
    );
    return { updates, problems, seen, subscription };
  }

  test('is told once both are known, and whenever one of them changes', () => {
    const { updates, problems, seen, subscription } = follow();
    updates.next(quiet);
    expect(seen).toEqual([]);
    problems.next({ problems: [WEB] });
    problems.next({ problems: [LACK, WEB] });
    updates.next({ ...quiet, time: 7 });
    expect(seen.map(({ problems }) => problems!.map(({ id }) => id).join())).toEqual(['a1', 'a1,b2', 'a1,b2']);
    expect(seen[2].time).toBe(7);
    subscription.unsubscribe();
    expect([updates.observed, problems.observed]).toEqual([false, false]);
  });

  test('keeps what was told last when one of them is lost, and says so', () => {
    const { updates, problems, seen } = follow();
    updates.next(quiet);
    problems.next({ problems: [WEB] });
    problems.next({ problems: [WEB], unanswered: 'cut' });
    expect(seen[1]).toEqual({ ...quiet, problems: [WEB], unanswered: 'cut' });
    updates.next({ ...quiet, trouble: 'cut, too' });
    expect(seen[2]).toEqual({ ...quiet, trouble: 'cut, too', problems: [WEB], unanswered: 'cut' });
    problems.next({ problems: [] });
    expect(seen[3]).toMatchObject({ problems: [] });
    expect(seen[3].unanswered).toBeUndefined();
  });

  test('says why there are no problems when they cannot be followed', () => {
    const { updates, problems, seen } = follow();
    updates.next(quiet);
    problems.next({ unanswered: 'unknown field `what`', final: true });
    problems.complete();
    expect(seen).toEqual([{ ...quiet, unanswered: 'unknown field `what`' }]);
  });
});
