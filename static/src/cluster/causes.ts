/**
 * Why something is broken, and what depends on it.
 *
 * Every edge leads from what asks to what it needs (an owner needs what it owns). So the causes of what is
 * not well are at the ends of edges from it that are not well either, and what depends on it is at the
 * beginnings of edges to it.
 */

import { type Node, severity } from "@astrolabe/stream";
import type { Cluster } from "./cluster";

/**
 * The worst of what it needs, when that is not well; nothing for what is well, or broken by itself.
 *
 * What lacks something is broken by itself. But what a workload's template lacks, its Pods lack, too: it is broken
 * by what it owns, if by anything.
 */
export function causesOf(graph: Cluster, node: Node): Node[] {
  if (node.status === "Ready") return [];
  if (node.unresolved === undefined) return tellingOf(graph, worstOf(graph, node));
  return graph.kinds.of(node.kind).layer === "pod" ? [] : tellingOf(graph, worstOf(graph, node, "owns"));
}

/** What is worst, and not well, of all that it needs, or needs by this type of edge. */
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

/** What only passes on how others are says nothing where it ends while others say more. */
function tellingOf(graph: Cluster, causes: readonly Node[]): Node[] {
  const telling = causes.filter(
    (cause) => !graph.kinds.of(cause.kind).relays || causesOf(graph, cause).length > 0,
  );
  return telling.length > 0 ? telling : [...causes];
}

/** Where the causes of each of these end: those that are broken by themselves, themselves among them. */
export class Roots {
  readonly #graph: Cluster;
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(graph: Cluster) {
    this.#graph = graph;
  }

  /** uids. Those in a circle of causes are each other's: the one asked for stands for all. */
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

/** The uids of all that needs one of these, directly or not; these are not among them. */
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

/** The uids on the ways from these to their roots; these are among them. */
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
