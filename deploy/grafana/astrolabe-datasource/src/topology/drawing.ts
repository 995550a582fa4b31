import { Edge, Kinds, Layer, Node, severity } from '@astrolabe/stream';
import { Aggregation, choose, Options } from './aggregation';
import { Part } from './part';

/** What is drawn as one node: one resource, or several. */
export interface Group {
  id: string;
  /** The kind of the resource or workload, or `Release`, `Namespace`, `All` (of one kind), `Cluster`. */
  what: string;
  /** Empty if there is only one. */
  cluster: string;
  name: string;
  namespace: string;
  release: string;
  layer: Layer;
  members: Node[];
  worst: Node;
  /** The resource, when it is drawn as itself. */
  single?: Node;
}

/** Edges of one type between two groups. */
export interface Link {
  id: string;
  type: string;
  source: string;
  target: string;
  /** Of the first. */
  field: readonly string[];
  count: number;
}

export interface Drawing {
  aggregation: Aggregation;
  groups: Map<string, Group>;
  links: Link[];
}

export function draw(part: Part, options: Options): Drawing {
  const { nodes, edges } = part;
  const { aggregation, keys, roots } = choose(part, options);
  const members = new Map<string, Node[]>();
  nodes.forEach((node, uid) => {
    const key = keys.get(uid)!;
    const found = members.get(key);
    if (found) {
      found.push(node);
    } else {
      members.set(key, [node]);
    }
  });
  const groups = [...members].map(([key, found]) => groupOf(key, found, roots.get(found[0].uid)!, options.kinds));
  groups.sort((one, other) => compare(orderOf(one), orderOf(other)));
  return { aggregation, groups: new Map(groups.map((group) => [group.id, group])), links: linksOf(edges, keys) };
}

function groupOf(id: string, members: Node[], root: Node, kinds: Kinds): Group {
  const worst = members.reduce(pick);
  const layer = (kind: string) => kinds.of(kind).layer;
  const [first] = members;
  const { cluster = '' } = first;
  const all = { id, cluster, members, worst };
  if (id.startsWith('release:')) {
    const { release = '', releaseNamespace = '' } = first;
    return { ...all, what: 'Release', name: release, namespace: releaseNamespace, release, layer: 'workload' };
  }
  if (id.startsWith('namespace:')) {
    const name = first.kind === 'Namespace' ? first.name : (first.namespace ?? '');
    return { ...all, what: 'Namespace', name, namespace: name, release: '', layer: 'workload' };
  }
  if (id.startsWith('kind:')) {
    return { ...all, what: 'All', name: first.kind, namespace: '', release: '', layer: layer(first.kind) };
  }
  if (id.startsWith('cluster:')) {
    return { ...all, what: 'Cluster', name: cluster, namespace: '', release: '', layer: 'cluster' };
  }
  return {
    ...all,
    what: root.kind,
    name: root.name,
    namespace: root.namespace ?? '',
    release: first.release ?? '',
    layer: layer(root.kind),
    single: members.length === 1 && first.uid === id ? first : undefined,
  };
}

/** The worse of two; of equals, the one that comes first by name. */
function pick(one: Node, other: Node): Node {
  const order = severity(other.status) - severity(one.status) || compare([one.name, one.uid], [other.name, other.uid]);
  return order < 0 ? one : other;
}

function linksOf(edges: ReadonlyMap<string, Edge>, keys: Map<string, string>): Link[] {
  const links = new Map<string, Link>();
  edges.forEach((edge) => {
    const [source, target] = [keys.get(edge.from)!, keys.get(edge.to)!];
    if (source === target) {
      return;
    }
    const id = `${edge.type}:${source}:${target}`; // as the server has it
    const link = links.get(id);
    if (link) {
      link.count += 1;
    } else {
      links.set(id, { id, type: edge.type, source, target, field: edge.field ?? [], count: 1 });
    }
  });
  return [...links.values()].sort((one, other) => compare([one.id], [other.id]));
}

function orderOf(group: Group): string[] {
  return [group.cluster, group.namespace, group.release, group.what, group.name, group.id];
}

/** By code points, as the server sorts. */
function compare(one: string[], other: string[]): number {
  const index = one.findIndex((text, index) => text !== other[index]);
  return index < 0 ? 0 : one[index] < other[index] ? -1 : 1;
}
