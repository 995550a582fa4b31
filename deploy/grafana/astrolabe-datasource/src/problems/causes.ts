/**
 * Why something is broken, and what depends on it.
 *
 * Every edge leads from a resource to what it needs (an owner needs what it owns). So the causes of a failure are among
 * the targets of its outgoing edges, and what depends on it are the sources of its incoming edges. The viewer does the
 * same (static/src/cluster/causes.ts).
 */
import { Edge, Kinds, Node, severity } from '@astrolabe/stream';
import { belongs } from '../topology/aggregation';

export interface Part {
  nodes: ReadonlyMap<string, Node>;
  edges: ReadonlyMap<string, Edge>;
}

/** The causes in a part of the graph, as it is now. */
export class Causes {
  /** By uid, what of that which it needs is not well. */
  private readonly faults = new Map<string, Node[]>();
  private readonly ownedFaults = new Map<string, Node[]>();
  private readonly askers = new Map<string, string[]>();
  private readonly owners = new Map<string, string>();
  private readonly known = new Map<string, ReadonlySet<string>>();

  constructor(
    readonly part: Part,
    private readonly kinds: Kinds
  ) {
    part.edges.forEach((edge) => {
      const { type, from, to } = edge;
      append(this.askers, to, from);
      const needed = part.nodes.get(to)!;
      if (needed.status !== 'Ready') {
        append(this.faults, from, needed);
        if (type === 'owns') {
          append(this.ownedFaults, from, needed);
        }
      }
      if (belongs(edge, needed, kinds) && !this.owners.has(to)) {
        this.owners.set(to, from);
      }
    });
  }

  /**
   * The worst of what it needs, unless that is Ready. Empty for a node that is Ready or that is its own cause.
   *
   * A node with an unresolved reference is its own cause. But if the template of a workload refers to something that is
   * missing, so do its Pods, and they are the cause.
   */
  of(node: Node): Node[] {
    if (node.status === 'Ready' || (node.unresolved !== undefined && this.kinds.of(node.kind).layer === 'pod')) {
      return [];
    }
    const faults = (node.unresolved === undefined ? this.faults : this.ownedFaults).get(node.uid) ?? [];
    const worst = Math.max(...faults.map(({ status }) => severity(status)));
    const causes = new Map(faults.filter(({ status }) => severity(status) === worst).map((each) => [each.uid, each]));
    const telling = [...causes.values()].filter(({ kind, uid }) => !this.kinds.of(kind).relays || this.faults.has(uid));
    return telling.length > 0 ? telling : [...causes.values()];
  }

  /**
   * The uids of its root causes; its own if it is its own cause. In a circle of causes, the node itself is the root.
   */
  rootsOf(node: Node): ReadonlySet<string> {
    const known = this.known.get(node.uid);
    if (known !== undefined) {
      return known;
    }
    this.known.set(node.uid, new Set());
    const roots = new Set(this.of(node).flatMap((cause) => [...this.rootsOf(cause)]));
    if (roots.size === 0) {
      roots.add(node.uid);
    }
    this.known.set(node.uid, roots);
    return roots;
  }

  /** The uids of all that needs one of these, directly or not, but of `most` of them; these are not among them. */
  dependentsOf(uids: Iterable<string>, most = Infinity): Set<string> {
    const start = new Set(uids);
    const found = new Set<string>();
    const queue = [...start];
    for (let uid = queue.pop(); uid !== undefined && found.size < most; uid = queue.pop()) {
      for (const asker of this.askers.get(uid) ?? []) {
        if (!found.has(asker) && !start.has(asker)) {
          found.add(asker);
          queue.push(asker);
        }
      }
    }
    return found;
  }

  /** Its topmost owner in the part, or itself; of an EndpointSlice that is its Service. */
  ownerOf(node: Node): Node {
    const seen = new Set<string>();
    let uid = node.uid;
    while (this.owners.has(uid) && !seen.has(uid)) {
      seen.add(uid);
      uid = this.owners.get(uid)!;
    }
    return this.part.nodes.get(uid)!;
  }
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values === undefined) {
    map.set(key, [value]);
  } else {
    values.push(value);
  }
}
