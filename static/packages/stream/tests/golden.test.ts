/** The message sequences that the Python client is held to, too (tests/test_golden_stream.py). */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Change, Graph } from "../src/graph";
import { checkMessage, type Edge, type Node, type SummaryGroup } from "../src/messages";
import { type ProblemChange, ProblemSet } from "../src/problem-set";
import type { Problem } from "../src/problems";
import type { Position, Replica } from "../src/progress";
import { ProtocolError } from "../src/protocol-error";
import { type GroupChange, Summary } from "../src/summary";

/** connect: what a new connection resumes from. hear: a message; changes or violation: what comes of it. */
type Step =
  | { connect: Position | null }
  | { hear: unknown; changes: string[] }
  | { hear: unknown; violation: string };

interface Golden<T> {
  about: string;
  steps: Step[];
  then: T & { position: Position | null; complete: boolean };
}

const GRAPH = new URL("../../../docs/vectors/", import.meta.url);
const PROBLEMS = new URL("problems/", GRAPH);
const SUMMARY = new URL("summary/", GRAPH);

const namesIn = (folder: URL) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort();

const read = <T>(folder: URL, name: string): Golden<T> =>
  JSON.parse(readFileSync(new URL(name, folder), "utf-8"));

function take<M, C>(replica: Replica<M, C>, document: unknown): C[] {
  const message = checkMessage(document);
  return message !== null && replica.takes(message) ? replica.apply(message) : [];
}

function line(change: Change | ProblemChange | GroupChange): string {
  if ("group" in change) return `${change.sign} ${change.group.id}`;
  if ("problem" in change) return `${change.sign} ${change.problem.id}`;
  if ("node" in change) return `${change.sign} ${change.node.uid}`;
  return `${change.sign} ${change.edge.type} ${change.edge.from} ${change.edge.to}`;
}

function follow<M, C extends Change | ProblemChange | GroupChange>(replica: Replica<M, C>, step: Step): void {
  if ("connect" in step) expect(replica.resume()).toEqual(step.connect);
  else if ("changes" in step) expect(take(replica, step.hear).map(line)).toEqual(step.changes);
  else {
    expect(() => take(replica, step.hear)).toThrow(
      expect.objectContaining({ name: ProtocolError.name, message: expect.stringContaining(step.violation) }),
    );
    replica.restart();
  }
}

describe("golden message sequences of the graph", () => {
  it("are there", () => {
    expect(namesIn(GRAPH).length).toBeGreaterThan(20);
  });

  it.each(namesIn(GRAPH))("%s", (name) => {
    const golden = read<{ nodes: Node[]; edges: Edge[] }>(GRAPH, name);
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

describe("golden message sequences of problems", () => {
  it("are there", () => {
    expect(namesIn(PROBLEMS).length).toBeGreaterThan(20);
  });

  it.each(namesIn(PROBLEMS))("%s", (name) => {
    const golden = read<{ problems: Problem[] }>(PROBLEMS, name);
    const problems = new ProblemSet();
    for (const step of golden.steps) follow(problems, step);
    expect([...problems.byId.values()]).toEqual(golden.then.problems);
    expect(problems.position).toEqual(golden.then.position);
    expect(problems.complete).toBe(golden.then.complete);
  });
});

describe("golden message sequences of summaries", () => {
  it("are there", () => {
    expect(namesIn(SUMMARY).length).toBeGreaterThan(20);
  });

  it.each(namesIn(SUMMARY))("%s", (name) => {
    const golden = read<{ groups: SummaryGroup[] }>(SUMMARY, name);
    const summary = new Summary(["namespace"]);
    for (const step of golden.steps) follow(summary, step);
    expect([...summary.byId.values()]).toEqual(golden.then.groups);
    expect(summary.position).toEqual(golden.then.position);
    expect(summary.complete).toBe(golden.then.complete);
  });
});
