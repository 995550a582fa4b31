// @vitest-environment jsdom
/** Several clusters: what is drawn is as the server draws it, and never mixes two. */
import { Edge, Kind, Kinds, Node } from '@astrolabe/stream';
import { DataFrame } from '@grafana/data';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resourcesFrame } from '../src/frames/resources';
import { Part } from '../src/topology/part';
import { Topology } from '../src/topology/topology';
import { Astrolabe } from './support/astrolabe';

let astrolabe: Astrolabe;
let kinds: Kinds;
let part: Part;

beforeAll(async () => {
  astrolabe = await Astrolabe.union();
  kinds = new Kinds(await astrolabe.json<Kind[]>('/api/v1/kinds'));
  const graph = await astrolabe.json<{ nodes: Node[]; edges: Edge[] }>('/api/v1/graph');
  part = {
    nodes: new Map(graph.nodes.map((node) => [node.uid, node])),
    edges: new Map(graph.edges.map((edge) => [`${edge.type} ${edge.from} ${edge.to}`, edge])),
  };
}, 30_000);

afterAll(() => astrolabe.stop());

const column = (frame: DataFrame, name: string): unknown[] =>
  frame.fields.find((field) => field.name === name)?.values ?? [];

describe('a topology of three clusters', () => {
  test.each([1000, 200, 100, 9, 1])('of at most %i nodes is that of the server', async (limit) => {
    const served = await astrolabe.json<any>(`/api/v1/grafana/nodegraph?limit=${limit}`);
    const [nodes, edges] = new Topology(kinds, limit).frames(part, 'A');
    for (const name of ['id', 'title', 'subTitle', 'detail__namespace', 'detail__cluster', 'arc__error']) {
      expect(column(nodes, name)).toEqual(served.nodes.map((node: any) => node[name]));
    }
    expect(column(edges, 'id')).toEqual(served.edges.map((edge: any) => edge.id));
    expect(new Set(column(nodes, 'detail__cluster'))).toEqual(new Set(['prod-eu', 'prod-us', 'staging']));
  });
});

test('a table has a column for the cluster, where there are several', () => {
  const all = resourcesFrame(part.nodes, 'A', kinds);
  expect(new Set(column(all, 'cluster'))).toEqual(new Set(['prod-eu', 'prod-us', 'staging']));
  const one: Node = { uid: '1', kind: 'Pod', name: 'web', status: 'Ready' };
  const names = resourcesFrame(new Map([['1', one]]), 'A', kinds).fields.map(({ name }) => name);
  expect(names).not.toContain('cluster');
});
