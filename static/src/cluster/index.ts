import type { Change, Node, Status } from "@astrolabe/stream";
import type { Cluster } from "./cluster";
import { type Counts, noCounts } from "./counts";
import { isIdle } from "./idle";
import { inCluster, type Name, nameOf } from "./names";

/** `namespace/release`; either may be empty. Of one of several clusters: `prod@namespace/release`. */
export type GroupId = string;

export const groupOf = (node: Node): GroupId =>
  inCluster(node.cluster, `${namespaceOf(node)}/${node.release ?? ""}`);

/** The namespace of a group, with its cluster: what is before the slash. */
export const placeIn = (id: GroupId): string => id.slice(0, Math.max(0, id.indexOf("/")));

/** The namespace in which it is shown: that of a Namespace is itself. */
export const namespaceOf = (node: Node): string =>
  node.kind === "Namespace" ? node.name : (node.namespace ?? "");

/** The nodes of a release in a namespace, or those of a namespace that are of no release. idle: meant to be empty. */
export interface Group {
  readonly id: GroupId;
  readonly cluster: string;
  readonly namespace: string;
  readonly release: string;
  readonly uids: ReadonlySet<string>;
  readonly counts: Counts;
  readonly idle: number;
}

interface Held extends Group {
  readonly uids: Set<string>;
  readonly counts: Record<Status, number>;
  idle: number;
}

/** What is asked of a graph again and again, kept up to date at the cost of what changes. */
export class Index {
  readonly counts = noCounts();
  readonly kinds = new Map<string, number>();
  readonly #groups = new Map<GroupId, Held>();
  readonly #names = new Map<Name, string>();

  get groups(): ReadonlyMap<GroupId, Group> {
    return this.#groups;
  }

  /** The uid of what has this name now. */
  find(name: Name): string | undefined {
    return this.#names.get(name);
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (!("node" in change)) continue;
      if (change.before !== undefined) this.#remove(change.before);
      if (change.sign !== "-") this.#add(change.node);
    }
  }

  #add(node: Node): void {
    const id = groupOf(node);
    const group = this.#groups.get(id) ?? this.#begin(id, node);
    group.uids.add(node.uid);
    group.counts[node.status] += 1;
    if (isIdle(node)) group.idle += 1;
    this.counts[node.status] += 1;
    this.kinds.set(node.kind, (this.kinds.get(node.kind) ?? 0) + 1);
    this.#names.set(nameOf(node), node.uid);
  }

  #remove(node: Node): void {
    const group = this.#groups.get(groupOf(node));
    group?.uids.delete(node.uid);
    if (group !== undefined) {
      group.counts[node.status] -= 1;
      if (isIdle(node)) group.idle -= 1;
    }
    if (group?.uids.size === 0) this.#groups.delete(group.id);
    this.counts[node.status] -= 1;
    this.kinds.set(node.kind, (this.kinds.get(node.kind) ?? 0) - 1);
    // Another may have taken the name before this one went.
    if (this.#names.get(nameOf(node)) === node.uid) this.#names.delete(nameOf(node));
  }

  #begin(id: GroupId, node: Node): Held {
    const group = {
      id,
      cluster: node.cluster ?? "",
      namespace: namespaceOf(node),
      release: node.release ?? "",
      uids: new Set<string>(),
      counts: noCounts(),
      idle: 0,
    };
    this.#groups.set(id, group);
    return group;
  }
}

/** The topmost of its owners that is in the same group; itself when there is none. */
export function ownerOf(graph: Cluster, node: Node): Node {
  let top = node;
  for (const seen = new Set([node.uid]); ; seen.add(top.uid)) {
    const owner = directOwnerOf(graph, top);
    if (owner === undefined || seen.has(owner.uid)) return top;
    top = owner;
  }
}

/** The one that owns it, when that is in the same group; of an EndpointSlice that is its Service. */
export function directOwnerOf(graph: Cluster, node: Node): Node | undefined {
  const group = groupOf(node);
  const { inherits } = graph.kinds.of(node.kind);
  for (const edge of graph.incoming(node.uid)) {
    if (!inherits.includes(edge.type)) continue;
    const owner = graph.nodes.get(edge.from);
    if (owner !== undefined && groupOf(owner) === group) return owner;
  }
  return undefined;
}
