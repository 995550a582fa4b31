/** How many problems each group has: where their causes are. */

import type { Node, Problem } from "@astrolabe/stream";
import type { Cluster } from "../cluster/cluster";
import { groupBy } from "../cluster/grouping";
import { idOf } from "./gather";
import type { Dimension, Group } from "./group";

type Key = Pick<Group, "cluster" | "namespace" | "title" | "within">;

/** How many, and why. */
export type Told = Pick<Group, "problems" | "reasons">;

/** By the ids of groups. keyOf: in which group a node is that the page holds. */
export function problemsBy(
  graph: Cluster,
  by: Dimension,
  problems: readonly Problem[],
  keyOf: (node: Node) => Key,
): Map<string, Told> {
  const current = problems.filter((problem) => problem.ended === undefined);
  const grouped = groupBy(current, (problem) => idOf(by, keyOfProblem(graph, by, problem, keyOf)));
  return new Map([...grouped].map(([id, some]) => [id, { problems: some.length, reasons: reasonsOf(some) }]));
}

/** `CrashLoopBackOff ×2`, the most frequent first. */
function reasonsOf(problems: readonly Problem[]): string[] {
  const reasons = [...groupBy(problems, ({ reason }) => reason)];
  return reasons
    .sort(([, one], [, other]) => other.length - one.length)
    .map(([reason, some]) => (some.length === 1 ? reason : `${reason} ×${some.length}`));
}

function keyOfProblem(graph: Cluster, by: Dimension, problem: Problem, keyOf: (node: Node) => Key): Key {
  const { cause } = problem;
  const node = graph.nodes.get(cause.uid ?? "");
  if (node !== undefined) return keyOf(node);
  // What does not exist, or is not held, is where the problem says.
  const cluster = cause.cluster ?? "";
  const namespace = cause.namespace || (problem.namespaces[0] ?? "");
  const title = {
    cluster,
    namespace,
    release: problem.releases[0]?.name ?? "",
    kind: cause.kind,
    node: cause.kind === "Node" ? cause.name : "",
    zone: "",
    owner: "",
  }[by];
  return { cluster: by === "kind" ? "" : cluster, namespace, title, within: "" };
}
