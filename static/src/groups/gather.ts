/** Groups of what the page holds. */

import type { Node, Problem, Status } from "@astrolabe/stream";
import type { Cluster } from "../cluster/cluster";
import { noCounts } from "../cluster/counts";
import { isEverything, matches, type Sieve } from "../cluster/filter";
import { isIdle } from "../cluster/idle";
import { type Index, namespaceOf } from "../cluster/index";
import { inCluster } from "../cluster/names";
import { type Dimension, type Group, type Groups, together } from "./group";
import { problemsBy } from "./problems-by";

/** A label of Nodes. */
const ZONE = "topology.kubernetes.io/zone";

type Key = Pick<Group, "cluster" | "namespace" | "title" | "within">;

interface Gathered extends Omit<Group, "counts" | "idle"> {
  readonly counts: Record<Status, number>;
  idle: number;
}

export function gather(
  graph: Cluster,
  index: Index,
  sieve: Sieve,
  by: Dimension,
  problems: readonly Problem[],
): Groups {
  const found = new Map<string, Gathered>();
  const groupAt = (key: Key): Gathered => {
    const id = idOf(by, key);
    const known = found.get(id);
    if (known !== undefined) return known;
    const made = { id, ...key, counts: noCounts(), idle: 0, problems: 0, reasons: [] };
    found.set(id, made);
    return made;
  };
  if (isEverything(sieve) && (sieve.found ?? null) === null && isKept(by)) fromIndex(index, by, groupAt);
  else fromNodes(graph, sieve, by, groupAt);
  for (const [id, told] of problemsBy(graph, by, problems, (node) => keyOf(graph, node, by))) {
    const group = found.get(id);
    if (group !== undefined) found.set(id, { ...group, ...told });
  }
  return together(by, [...found.values()]);
}

/** What the index has counted already. */
const isKept = (by: Dimension): boolean => by === "cluster" || by === "namespace" || by === "release";

function fromIndex(index: Index, by: Dimension, groupAt: (key: Key) => Gathered): void {
  for (const held of index.groups.values()) {
    const group = groupAt(placeOf(held.cluster, held.namespace, held.release, by));
    for (const status of ["Error", "Unknown", "Pending", "Ready"] as const)
      group.counts[status] += held.counts[status];
    group.idle += held.idle;
  }
}

function fromNodes(graph: Cluster, sieve: Sieve, by: Dimension, groupAt: (key: Key) => Gathered): void {
  for (const node of graph.nodes.values()) {
    if (!matches(sieve, node)) continue;
    const group = groupAt(keyOf(graph, node, by));
    group.counts[node.status] += 1;
    if (isIdle(node)) group.idle += 1;
  }
}

/** Made of names, so that it may be compared with what a problem says. */
export function idOf(by: Dimension, { cluster, namespace, title }: Key): string {
  if (by === "release" || by === "owner") return inCluster(cluster, `${namespace}/${title}`);
  return by === "cluster" ? cluster : inCluster(cluster, title);
}

/** In which group a node is. */
export function keyOf(graph: Cluster, node: Node, by: Dimension): Key {
  const cluster = node.cluster ?? "";
  const plain = (title: string): Key => ({ cluster, namespace: "", title, within: cluster });
  switch (by) {
    case "kind":
      return { ...plain(node.kind), cluster: "", within: "" };
    case "node":
      return plain(machineOf(graph, node)?.name ?? "");
    case "zone":
      return plain(machineOf(graph, node)?.labels?.[ZONE] ?? "");
    case "owner":
      return ownerOf(graph, node);
    default:
      return placeOf(cluster, namespaceOf(node), node.release ?? "", by);
  }
}

function placeOf(cluster: string, namespace: string, release: string, by: Dimension): Key {
  if (by === "cluster") return { cluster, namespace: "", title: cluster, within: "" };
  if (by === "namespace") return { cluster, namespace, title: namespace, within: cluster };
  return { cluster, namespace, title: release, within: [cluster, namespace].filter(Boolean).join(" / ") };
}

/** Where a Pod runs; a Node is itself. */
function machineOf(graph: Cluster, node: Node): Node | undefined {
  if (node.kind === "Node") return node;
  for (const edge of graph.outgoing(node.uid)) {
    if (edge.type === "runs-on") return graph.nodes.get(edge.to);
  }
  return undefined;
}

/** The topmost owner; of what nothing owns, itself, if it owns something. */
function ownerOf(graph: Cluster, node: Node): Key {
  let top = node;
  const seen = new Set<string>();
  for (let next: Node | undefined = node; next !== undefined && !seen.has(next.uid); ) {
    top = next;
    seen.add(next.uid);
    next = undefined;
    for (const edge of graph.incoming(top.uid)) {
      const owner = edge.type === "owns" ? graph.nodes.get(edge.from) : undefined;
      if (owner !== undefined && owner.kind !== "Node" && owner.kind !== "Namespace") next = owner;
    }
  }
  const cluster = top.cluster ?? "";
  const namespace = namespaceOf(top);
  const owns = [...graph.outgoing(top.uid)].some((edge) => edge.type === "owns");
  const within = [cluster, namespace].filter(Boolean).join(" / ");
  if (!owns && top === node) return { cluster, namespace: "", title: "", within: cluster };
  return { cluster, namespace, title: `${top.kind}/${top.name}`, within };
}
