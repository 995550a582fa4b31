import { describe, expect, test } from 'vitest';
import { Graph } from '../src/stream/graph';
import { decode, Delta, Edge, Node, ProtocolError, Snapshot } from '../src/stream/message';

function node(uid: string, status = 'Ready'): Node {
  return { uid, kind: 'Pod', name: uid, status };
}

function edge(from: string, to: string): Edge {
  return { type: 'owns', from, to, field: ['metadata.ownerReferences[0].uid'] };
}

function snapshot(nodes: Node[], more: Partial<Snapshot> = {}): Snapshot {
  return { type: 'snapshot', epoch: 'e', seq: 1, part: 1, last: true, nodes, edges: [], ...more };
}

function delta(from: number, seq: number, set: Node[], remove: string[] = [], more: Partial<Delta> = {}): Delta {
  return { type: 'delta', epoch: 'e', from, seq, nodes: { set, remove }, edges: { set: [], remove: [] }, ...more };
}

function followed(): Graph {
  const graph = new Graph();
  graph.apply(snapshot([node('a'), node('b')], { edges: [edge('a', 'b')] }));
  return graph;
}

const uids = (graph: Graph) => [...graph.nodes.keys()];

test('a snapshot and deltas make the graph', () => {
  const graph = followed();
  expect(graph.position).toEqual({ epoch: 'e', seq: 1 });
  const changes = graph.apply(
    delta(1, 4, [node('c'), node('a', 'Error')], ['b'], {
      edges: { set: [edge('a', 'c')], remove: [{ type: 'owns', from: 'a', to: 'b' }] },
    })
  );
  expect(changes).toEqual([
    { before: undefined, after: node('c') },
    { before: node('a'), after: node('a', 'Error') },
    { before: node('b') },
  ]);
  expect(uids(graph)).toEqual(['a', 'c']);
  expect([...graph.edges.values()]).toEqual([edge('a', 'c')]);
  graph.apply({ type: 'bookmark', epoch: 'e', seq: 9 });
  expect(graph.resume()).toEqual({ epoch: 'e', seq: 9 });
});

test('a snapshot in parts shows when it is complete, and what differs', () => {
  const graph = followed();
  graph.apply({ type: 'reset', reason: 'lagging' });
  expect(graph.complete).toBe(false);
  expect(graph.apply(snapshot([node('b', 'Error')], { epoch: 'f', seq: 7, last: false }))).toEqual([]);
  expect(uids(graph)).toEqual(['a', 'b']);
  expect(graph.apply(snapshot([node('c')], { epoch: 'f', seq: 7, part: 2 }))).toEqual([
    { before: node('b'), after: node('b', 'Error') },
    { before: undefined, after: node('c') },
    { before: node('a') },
  ]);
  expect(graph.position).toEqual({ epoch: 'f', seq: 7 });
});

test('a snapshot that is cut off is asked for again', () => {
  const graph = new Graph();
  graph.apply(snapshot([node('a')], { last: false }));
  expect(graph.resume()).toBeNull();
  graph.apply(snapshot([node('a')]));
  expect(uids(graph)).toEqual(['a']);
});

const UNFIT: Array<[string, (graph: Graph) => unknown]> = [
  ['a delta from another place', (graph) => graph.apply(delta(2, 3, []))],
  ['a delta of another epoch', (graph) => graph.apply({ ...delta(1, 3, []), epoch: 'f' })],
  ['a delta that goes nowhere', (graph) => graph.apply(delta(1, 1, []))],
  ['a snapshot that was not asked for', (graph) => graph.apply(snapshot([]))],
  [
    'an edge without an end',
    (graph) => graph.apply(delta(1, 2, [], [], { edges: { set: [edge('a', 'x')], remove: [] } })),
  ],
  ['a node that goes before its edges', (graph) => graph.apply(delta(1, 2, [], ['b']))],
  ['a bookmark of the past', (graph) => graph.apply({ type: 'bookmark', epoch: 'e', seq: 0 })],
];

test.each(UNFIT)('%s does not fit, and a snapshot is due', (_, apply) => {
  const graph = followed();
  expect(() => apply(graph)).toThrow(ProtocolError);
  graph.restart();
  expect(graph.resume()).toBeNull();
});

describe('a snapshot', () => {
  test.each([
    ['begins with its first part', [snapshot([], { part: 2 })]],
    ['has its parts in order', [snapshot([], { last: false }), snapshot([], { part: 3 })]],
    ['is of one place', [snapshot([], { last: false }), snapshot([], { part: 2, seq: 2 })]],
    ['has every node once', [snapshot([node('a'), node('a')])]],
    ['has every edge once', [snapshot([node('a')], { edges: [edge('a', 'a'), edge('a', 'a')] })]],
  ])('%s', (_, parts) => {
    const graph = new Graph();
    expect(() => parts.forEach((part) => graph.apply(part))).toThrow(ProtocolError);
  });
});

test('messages are checked as far as they are relied on', () => {
  expect(decode('{"type":"pong"}')).toBeNull();
  expect(decode('{"type":"news","of":"a later server"}')).toBeNull();
  expect(decode('{"type":"hello","heartbeat":15}')).toEqual({ type: 'hello', heartbeat: 15 });
  for (const text of [
    'no JSON',
    'null',
    '{"type":"hello"}',
    '{"type":"snapshot","epoch":"e","seq":1,"nodes":[]}',
    '{"type":"delta","epoch":"e","seq":2,"from":1,"nodes":{"set":[],"remove":[]}}',
    '{"type":"bookmark","epoch":"e","seq":"2"}',
    '{"type":"error"}',
  ]) {
    expect(() => decode(text)).toThrow(ProtocolError);
  }
});
