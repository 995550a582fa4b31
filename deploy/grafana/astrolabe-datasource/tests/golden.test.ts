/** The message sequences that Astrolabe's other clients are held to, too (tests/golden/stream). */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Graph } from '../src/stream/graph';
import { decode, Edge, Node, Position, ProtocolError } from '../src/stream/message';
import { ROOT } from './support/astrolabe';

type Step = { connect: Position | null } | { hear: unknown; changes: string[] } | { hear: unknown; violation: string };

interface Golden {
  about: string;
  steps: Step[];
  then: { nodes: Node[]; edges: Edge[]; position: Position | null; complete: boolean };
}

const FOLDER = path.join(ROOT, 'tests/golden/stream');
const sequences = readdirSync(FOLDER).map((name): [string, Golden] => {
  const golden: Golden = JSON.parse(readFileSync(path.join(FOLDER, name), 'utf8'));
  return [golden.about, golden];
});

/** What a message changes of the nodes, as `+ uid`, `~ uid`, `- uid`. */
function take(graph: Graph, document: unknown): string[] {
  const message = decode(JSON.stringify(document));
  if (message === null || !('epoch' in message || message.type === 'reset')) {
    return [];
  }
  return graph.apply(message).map(({ before, after }) => {
    const sign = after === undefined ? '-' : before === undefined ? '+' : '~';
    return `${sign} ${(after ?? before)!.uid}`;
  });
}

test('there are some', () => {
  expect(sequences.length).toBeGreaterThan(20);
});

test.each(sequences)('%s', (_, golden) => {
  const graph = new Graph();
  for (const step of golden.steps) {
    if ('connect' in step) {
      expect(graph.resume()).toEqual(step.connect);
    } else if ('changes' in step) {
      const ofNodes = step.changes.filter((change) => change.split(' ').length === 2);
      expect(take(graph, step.hear)).toEqual(ofNodes);
    } else {
      expect(() => take(graph, step.hear)).toThrow(ProtocolError);
      graph.restart();
    }
  }
  expect([...graph.nodes.values()]).toEqual(golden.then.nodes);
  expect([...graph.edges.values()]).toEqual(golden.then.edges);
  expect(graph.position).toEqual(golden.then.position);
  expect(graph.complete).toBe(golden.then.complete);
});
