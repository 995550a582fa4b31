// @vitest-environment jsdom
/** What is broken, gathered by its cause, and what depends on it. */
import { expect, test } from 'vitest';
import { problemsFrame } from '../src/frames/problems';
import { Part } from '../src/problems/causes';
import { findProblems, focus } from '../src/problems/problems';
import { Edge, Kinds, Node, Status } from '@astrolabe/stream';

const KINDS = new Kinds([
  { kind: 'Ingress', layer: 'ingress' },
  { kind: 'Service', layer: 'service' },
  { kind: 'EndpointSlice', layer: 'run', relays: true, inherits: ['owns', 'endpoints'] },
  { kind: 'Deployment', layer: 'workload' },
  { kind: 'ReplicaSet', layer: 'run', relays: true },
  { kind: 'Pod', layer: 'pod' },
  { kind: 'Node', layer: 'cluster' },
]);

/** A Secret that does not exist. */
const KEYS = { type: 'uses-secret', kind: 'Secret', name: 'keys' };

/** `Pod web-1 Error since`: its uid is its name. */
function node(text: string, more: Partial<Node> = {}): Node {
  const [kind, name, status = 'Ready', since] = text.split(' ') as [string, string, Status?, string?];
  return {
    uid: name,
    kind,
    name,
    namespace: 'shop',
    status,
    reason: `Is${status}`,
    message: `of ${name}`,
    since,
    ...more,
  };
}

/** `a > b`: a needs b; with `owns`, it owns it. */
function part(nodes: Node[], ...edges: string[]): Part {
  const links = edges.map((text): Edge => {
    const [from, type, to] = text.split(' ');
    return { type: type === '>' ? 'needs' : type, from, to, field: [] };
  });
  return {
    nodes: new Map(nodes.map((each) => [each.uid, each])),
    edges: new Map(links.map((edge) => [`${edge.type} ${edge.from} ${edge.to}`, edge])),
  };
}

/** An Ingress, a Service and a Deployment of three pods, two of which are broken. */
const WEB = part(
  [
    node('Ingress entry Error'),
    node('Service web Error'),
    node('EndpointSlice web-slice Error'),
    node('Deployment deployment Error 2026-01-03T00:00:00Z'),
    node('ReplicaSet replicas Error'),
    node('Pod pod-1 Error 2026-01-02T00:00:00Z', { reason: 'CrashLoopBackOff', release: 'web' }),
    node('Pod pod-2 Error 2026-01-01T00:00:00Z', { reason: 'CrashLoopBackOff', release: 'web' }),
    node('Pod pod-3'),
    node('Secret secret'),
  ],
  ...['entry > web', 'web > web-slice', 'web > pod-1', 'web > pod-2', 'web > pod-3'],
  ...['web-slice > pod-1', 'web-slice > pod-2', 'web-slice > pod-3'],
  ...['deployment owns replicas', 'replicas owns pod-1', 'replicas owns pod-2', 'replicas owns pod-3'],
  ...['pod-1 > secret', 'pod-3 > secret']
);

function rows(found: Part, statuses = ['Error']): Array<Record<string, unknown>> {
  const { fields, length } = problemsFrame(findProblems(found, { statuses, kinds: KINDS, most: 100 }), 'A', KINDS);
  return Array.from({ length }, (_, at) => Object.fromEntries(fields.map(({ name, values }) => [name, values[at]])));
}

test('many symptoms of one cause are one problem', () => {
  expect(rows(WEB)).toEqual([
    {
      status: 'Error',
      since: Date.parse('2026-01-01T00:00:00Z'),
      reason: 'CrashLoopBackOff',
      kind: 'Pod ×2',
      name: 'deployment',
      message: 'of pod-1',
      affected: 5,
      dependents: 'entry (Ingress), web (Service), deployment (Deployment)',
      namespace: 'shop',
      release: 'web',
      uid: 'pod-1',
    },
  ]);
});

test('where a cause does not tell since when, what broke first because of it does', () => {
  const found = part([node('Deployment web Error 2026-01-05T00:00:00Z'), node('Pod pod Error')], 'web owns pod');
  expect(rows(found)).toMatchObject([{ name: 'pod', since: Date.parse('2026-01-05T00:00:00Z') }]);
  expect(rows(part([node('Pod pod Error')]))).toMatchObject([
    { name: 'pod', since: null, dependents: '', affected: 0 },
  ]);
});

test('what refers to what is not there is broken by itself', () => {
  const found = part([node('Ingress entry Error', { unresolved: [KEYS] }), node('Service web Pending')], 'entry > web');
  expect(rows(found).map(({ name }) => name)).toEqual(['entry']);
  expect(rows(found, ['Pending']).map(({ name }) => name)).toEqual(['web']);
});

test('what the template of a workload lacks is one problem, of its pods where there are any', () => {
  const lacks = { unresolved: [KEYS], reason: 'CreateContainerConfigError' };
  const workload = [node('Deployment web Error', lacks), node('ReplicaSet web-1 Error')];
  const found = part([...workload, node('Pod pod Error', lacks)], 'web owns web-1', 'web-1 owns pod');
  expect(rows(found)).toMatchObject([{ name: 'pod', kind: 'Pod', affected: 2 }]);
  expect(rows(part(workload, 'web owns web-1'))).toMatchObject([{ name: 'web-1', kind: 'ReplicaSet', affected: 1 }]);
  expect(rows(part(workload.slice(0, 1)))).toMatchObject([{ name: 'web', kind: 'Deployment', affected: 0 }]);
});

test('a slice belongs to its Service', () => {
  const found = part(
    [node('Service web Error'), node('EndpointSlice web-x Error'), node('EndpointSlice web-y Error')],
    ...['web endpoints web-x', 'web endpoints web-y']
  );
  expect(rows(found)).toMatchObject([{ name: 'web', kind: 'EndpointSlice ×2' }]);
});

test('a cause that is only on its way counts with the worst that it does', () => {
  const found = part([node('Service web Error'), node('Pod pod Pending')], 'web > pod');
  expect(rows(found)).toMatchObject([{ status: 'Error', name: 'pod', reason: 'IsPending', affected: 1 }]);
});

test('what users meet comes first, then what breaks most, then the latest', () => {
  const found = part(
    [
      node('Pod lone Error 2026-01-02T00:00:00Z'),
      node('Pod later Error 2026-01-03T00:00:00Z'),
      node('Deployment many Error'),
      node('Pod many-1 Error'),
      node('Ingress entry Error'),
      node('Pod behind Error'),
      node('Pod waits Pending'),
    ],
    ...['many owns many-1', 'entry > behind']
  );
  const names = (statuses: string[]) => rows(found, statuses).map(({ name }) => name);
  expect(names(['Error'])).toEqual(['behind', 'many-1', 'later', 'lone']);
  expect(names(['Error', 'Pending'])).toEqual(['behind', 'many-1', 'later', 'lone', 'waits']);
});

test('of many dependents some are named, and the others counted', () => {
  const services = [1, 2, 3, 4, 5].map((number) => node(`Service s-${number}`));
  const found = part([...services, node('Pod pod Error')], ...services.map(({ uid }) => `${uid} > pod`));
  expect(rows(found)[0].dependents).toBe('s-1 (Service), s-2 (Service), s-3 (Service), and 2 more');
  const pods = part([node('Pod pod-1 Pending'), node('Node worker Error')], 'pod-1 > worker');
  expect(rows(pods)[0].dependents).toBe('pod-1 (Pod)');
});

test('nearly everything may depend on each of many', () => {
  const pods = Array.from({ length: 3000 }, (_, number) => node(`Pod pod-${number}`));
  const workers = Array.from({ length: 200 }, (_, number) => node(`Node worker-${number} Error`));
  const links = pods.slice(1).map(({ uid }, number) => `${uid} > pod-${number}`);
  const found = part([...pods, ...workers], ...links, ...workers.map(({ uid }) => `pod-0 > ${uid}`));
  const problems = findProblems(found, { statuses: ['Error'], kinds: KINDS, most: 50 });
  expect(problems.map(({ dependents }) => dependents.length)).toEqual(Array(50).fill(1000));
  expect(rows(found)[0].dependents).toMatch(/, and many more$/);
});

test('a circle of causes ends somewhere', () => {
  const found = part([node('Pod a Error'), node('Pod b Error')], 'a > b', 'b > a');
  expect(rows(found).length).toBeGreaterThan(0);
});

test('in focus is what is broken and what depends on it, and nothing else', () => {
  const { nodes, edges } = focus(WEB, ['Error'], KINDS);
  expect([...nodes.keys()]).toEqual([...['entry', 'web', 'web-slice', 'deployment', 'replicas', 'pod-1', 'pod-2']]);
  expect([...edges.values()].every(({ from, to }) => nodes.has(from) && nodes.has(to))).toBe(true);
  expect(edges.has('needs web pod-1')).toBe(true);
  const well = part([node('Pod pod')]);
  expect(focus(well, ['Error'], KINDS)).toEqual({ nodes: new Map(), edges: new Map() });
});
