/** What is broken, grouped by cause: many symptoms of one crash are one problem. */

import { type Node, type Status, severity } from "@astrolabe/stream";
import { Roots } from "./causes";
import type { Cluster } from "./cluster";
import { type GroupId, groupOf, ownerOf } from "./index";

/**
 * Similar resources that are their own cause, for the same reason.
 *
 * id: made of names. roots: uids, in order of their names. affected: uids of what is broken because of them.
 * reason: what is said of it first. title: of the workload that the roots belong to, or of the root itself. since: RFC 3339, of the oldest root.
 */
export interface Problem {
  readonly id: string;
  readonly status: Status;
  readonly kind: string;
  readonly title: string;
  readonly group: GroupId;
  readonly namespace: string;
  readonly release: string;
  readonly reason: string;
  readonly since: string;
  readonly roots: readonly string[];
  readonly affected: readonly string[];
}

/** The problems of the nodes with these statuses, largest impact first. */
export function findProblems(graph: Cluster, statuses: ReadonlySet<Status>): Problem[] {
  const roots = new Roots(graph);
  const gathered = new Map<string, { roots: Map<string, Node>; affected: Map<string, Node> }>();
  for (const node of graph.nodes.values()) {
    if (!statuses.has(node.status)) continue;
    for (const uid of roots.of(node)) {
      const root = graph.nodes.get(uid);
      if (root === undefined) continue;
      const id = idOf(graph, root);
      const found = gathered.get(id) ?? { roots: new Map(), affected: new Map() };
      gathered.set(id, found);
      found.roots.set(uid, root);
      found.affected.set(node.uid, node);
    }
  }
  const ranked = [...gathered].map(([id, found]) => rank(graph, id, found.roots, found.affected));
  return ranked.sort(largestFirst).map((each) => each.problem);
}

function idOf(graph: Cluster, root: Node): string {
  const owner = ownerOf(graph, root);
  return `${groupOf(root)}|${root.kind}|${owner.kind}/${owner.name}|${root.reason ?? ""}`;
}

/** reach: how far left in the columns it is felt; that of an Ingress is what users see. */
interface Ranked {
  readonly problem: Problem;
  readonly reach: number;
}

function rank(
  graph: Cluster,
  id: string,
  roots: ReadonlyMap<string, Node>,
  affected: Map<string, Node>,
): Ranked {
  const all = [...affected.values()];
  const sorted = [...roots.values()].sort((one, other) => one.name.localeCompare(other.name));
  const [first] = sorted as [Node, ...Node[]];
  const since = sorted.map((node) => node.since ?? "").filter(Boolean);
  const problem: Problem = {
    id,
    status: all.reduce<Status>((worst, node) => higher(worst, node.status), first.status),
    kind: first.kind,
    title: ownerOf(graph, first).name,
    group: groupOf(first),
    namespace: first.namespace ?? "",
    release: first.release ?? "",
    reason: headline(first),
    since: since.sort()[0] ?? "",
    roots: sorted.map((node) => node.uid),
    affected: all.filter((node) => !roots.has(node.uid)).map((node) => node.uid),
  };
  return { problem, reach: Math.min(...all.map((node) => graph.kinds.of(node.kind).column)) };
}

/** Longer messages are for the details. */
const SHORT = 40;

/** The reason; of a Pending node that breaks others, its message: `Pod is not ready`. */
function headline(root: Node): string {
  const { status, reason = status, message = "" } = root;
  return status === "Pending" && message !== "" && message.length <= SHORT ? message : reason;
}

const higher = (one: Status, other: Status): Status => (severity(other) > severity(one) ? other : one);

function largestFirst(one: Ranked, other: Ranked): number {
  return (
    severity(other.problem.status) - severity(one.problem.status) ||
    one.reach - other.reach ||
    other.problem.affected.length - one.problem.affected.length ||
    other.problem.since.localeCompare(one.problem.since) ||
    one.problem.id.localeCompare(other.problem.id)
  );
}
