/** The message sequences that the Python client is held to, too (tests/test_golden_stream.py). */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Change, Graph, type Position } from "../src/graph";
import { checkMessage, type Edge, type GraphMessage, type Node } from "../src/messages";
import { ProtocolError } from "../src/protocol-error";

/** connect: what a new connection resumes from. hear: a message; changes or violation: what comes of it. */
type Step =
  | { connect: Position | null }
  | { hear: unknown; changes: string[] }
  | { hear: unknown; violation: string };

interface Golden {
  about: string;
  steps: Step[];
  then: { nodes: Node[]; edges: Edge[]; position: Position | null; complete: boolean };
}

const DIRECTORY = new URL("../../../docs/vectors/", import.meta.url);
const GRAPH_MESSAGES = new Set(["snapshot", "delta", "bookmark", "reset"]);

function take(graph: Graph, document: unknown): Change[] {
  const message = checkMessage(document);
  return message !== null && GRAPH_MESSAGES.has(message.type) ? graph.apply(message as GraphMessage) : [];
}

function line(change: Change): string {
  if ("node" in change) return `${change.sign} ${change.node.uid}`;
  return `${change.sign} ${change.edge.type} ${change.edge.from} ${change.edge.to}`;
}

function follow(graph: Graph, step: Step): void {
  if ("connect" in step) expect(graph.resume()).toEqual(step.connect);
  else if ("changes" in step) expect(take(graph, step.hear).map(line)).toEqual(step.changes);
  else {
    expect(() => take(graph, step.hear)).toThrow(
      expect.objectContaining({ name: ProtocolError.name, message: expect.stringContaining(step.violation) }),
    );
    graph.restart();
  }
}

describe("golden message sequences", () => {
  const names = readdirSync(DIRECTORY).sort();

  it("are there", () => {
    expect(names.length).toBeGreaterThan(20);
  });

  it.each(names)("%s", (name) => {
    const golden: Golden = JSON.parse(readFileSync(new URL(name, DIRECTORY), "utf-8"));
    const graph = new Graph();
    for (const step of golden.steps) follow(graph, step);
    expect([...graph.nodes.values()]).toEqual(golden.then.nodes);
    expect([...graph.edges.values()]).toEqual(golden.then.edges);
    expect(graph.position).toEqual(golden.then.position);
    expect(graph.complete).toBe(golden.then.complete);
    for (const edge of golden.then.edges) {
      expect([...graph.outgoing(edge.from)]).toContainEqual(edge);
      expect([...graph.incoming(edge.to)]).toContainEqual(edge);
    }
  });
});
