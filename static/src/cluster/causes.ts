/**
 * Why something is broken, and what depends on it.
 *
 * Every edge leads from a resource to what it needs (an owner needs what it owns). So the causes of a failure are
 * among the targets of its outgoing edges, and what depends on it are the sources of its incoming edges.
 */

import { type Node, severity } from "@astrolabe/stream";
import type { Cluster } from "./cluster";

/**
 * The worst of what it needs, unless that is Ready. Empty for a node that is Ready or that is its own cause.
 *
 * A node with an unresolved reference is its own cause. But if the template of a workload refers to something that is
 * missing, so do its Pods, and they are the cause.
 */
export function causesOf(graph: Cluster, node: Node): Node[] {
  if (node.status === "Ready") return [];
  if (node.unresolved === undefined) return tellingOf(graph, worstOf(graph, node));
  return graph.kinds.of(node.kind).layer === "pod" ? [] : tellingOf(graph, worstOf(graph, node, "owns"));
}

/** The worst of what it needs, if that is not Ready; by this type of edge, or by any. */
function worstOf(graph: Cluster, node: Node, type?: string): Node[] {
  const causes = new Map<string, Node>();
  let bar = severity("Unknown");
  for (const edge of graph.outgoing(node.uid)) {
    if (type !== undefined && edge.type !== type) continue;
    const needed = graph.nodes.get(edge.to);
    if (needed === undefined || severity(needed.status) < bar) continue;
    if (severity(needed.status) > bar) causes.clear();
    bar = severity(needed.status);
    causes.set(needed.uid, needed);
  }
  return [...causes.values()];
}

/** A kind that only relays the status of others is no cause by itself if there are other causes. */
function tellingOf(graph: Cluster, causes: readonly Node[]): Node[] {
  const telling = causes.filter(
    (cause) => !graph.kinds.of(cause.kind).relays || causesOf(graph, cause).length > 0,
  );
  return telling.length > 0 ? telling : [...causes];
}

/** The root causes of nodes. A node that is its own cause is its own root. */
export class Roots {
  readonly #graph: Cluster;
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(graph: Cluster) {
    this.#graph = graph;
  }

  /** uids. In a circle of causes, the node itself is the root. */
  of(node: Node): ReadonlySet<string> {
    const known = this.#known.get(node.uid);
    if (known !== undefined) return known;
    this.#known.set(node.uid, new Set());
    const roots = new Set<string>();
    for (const cause of causesOf(this.#graph, node)) for (const uid of this.of(cause)) roots.add(uid);
    if (roots.size === 0) roots.add(node.uid);
    this.#known.set(node.uid, roots);
    return roots;
  }
}

/** The uids of everything that needs one of these, directly or indirectly, without these themselves. */
export function dependentsOf(graph: Cluster, uids: Iterable<string>): Set<string> {
  const start = new Set(uids);
  const found = new Set<string>();
  const queue = [...start];
  for (let uid = queue.pop(); uid !== undefined; uid = queue.pop()) {
    for (const edge of graph.incoming(uid)) {
      if (found.has(edge.from) || start.has(edge.from)) continue;
      found.add(edge.from);
      queue.push(edge.from);
    }
  }
  return found;
}

/** The uids on the paths from these to their root causes, including both ends. */
export function chainOf(graph: Cluster, uids: Iterable<string>): Set<string> {
  const found = new Set(uids);
  const queue = [...found];
  for (let uid = queue.pop(); uid !== undefined; uid = queue.pop()) {
    const node = graph.nodes.get(uid);
    for (const cause of node === undefined ? [] : causesOf(graph, node)) {
      if (found.has(cause.uid)) continue;
      found.add(cause.uid);
      queue.push(cause.uid);
    }
  }
  return found;
}
