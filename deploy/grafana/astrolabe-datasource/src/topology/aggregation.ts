import { Edge, Kinds, Node } from '@astrolabe/stream';
import { Part } from './part';

/** How much is drawn as one, from the finest to the coarsest. */
export const AGGREGATIONS = ['resource', 'workload', 'release', 'namespace', 'kind', 'cluster'] as const;

export type Aggregation = (typeof AGGREGATIONS)[number];

/** To a finer aggregation than before only with this much room, so that it does not go to and fro at the limit. */
const ROOM = 0.8;
/** Owners above one another, more than Kubernetes has: a circle ends there. */
const HIGHEST = 8;

/** `limit`: the number of keys. `current`: the aggregation at which the same was drawn before. */
export interface Options {
  limit: number;
  current: Aggregation;
  kinds: Kinds;
}

export interface Choice {
  aggregation: Aggregation;
  /** By uid of each node the key of what it is drawn in. */
  keys: Map<string, string>;
  /** By uid of each node its topmost owner, which may be itself; when nothing is drawn together, itself. */
  roots: Map<string, Node>;
}

/**
 * The finest aggregation within the limit. Kinds, which are few, are drawn whatever the limit; where there are several
 * clusters, these are. What is drawn as one is of one cluster.
 */
export function choose(part: Part, { limit, current, kinds }: Options): Choice {
  const { nodes } = part;
  const bound = (aggregation: Aggregation) =>
    AGGREGATIONS.indexOf(aggregation) >= AGGREGATIONS.indexOf(current) ? limit : ROOM * limit;
  if (nodes.size <= bound('resource')) {
    return {
      aggregation: 'resource',
      keys: new Map([...nodes.keys()].map((uid) => [uid, uid])),
      roots: new Map(nodes),
    };
  }
  const roots = findRoots(part, kinds);
  const [first] = nodes.values();
  const last = first.cluster ? 'cluster' : 'kind';
  for (const aggregation of AGGREGATIONS.slice(1)) {
    const keys = new Map<string, string>();
    nodes.forEach((node, uid) => keys.set(uid, keyOf(aggregation, node, roots.get(uid)!)));
    if (aggregation === last || new Set(keys.values()).size <= bound(aggregation)) {
      return { aggregation, keys, roots };
    }
  }
  throw new Error('the last aggregation has no limit');
}

/** Whether the target of the edge is part of its source: of its owner, or an EndpointSlice of its Service. */
function belongs({ type }: Edge, target: Node, kinds: Kinds): boolean {
  return kinds.of(target.kind).inherits.includes(type);
}

function findRoots({ nodes, edges }: Part, kinds: Kinds): Map<string, Node> {
  const owners = new Map<string, Edge>();
  for (const edge of edges.values()) {
    const known = owners.get(edge.to);
    const target = nodes.get(edge.to)!;
    if (belongs(edge, target, kinds) && nodes.get(edge.from)!.namespace === target.namespace) {
      if (known === undefined || order(edge) < order(known)) {
        owners.set(edge.to, edge);
      }
    }
  }
  const roots = new Map<string, Node>();
  nodes.forEach((node, uid) => roots.set(uid, nodes.get(climb(uid, owners))!));
  return roots;
}

/** Of several owners, the first in this order counts, as on the server. */
function order({ field = [], from }: Edge): string {
  return `${field[0]} ${from}`;
}

function climb(uid: string, owners: Map<string, Edge>): string {
  for (let height = 0; height < HIGHEST && owners.has(uid); height++) {
    uid = owners.get(uid)!.from;
  }
  return uid;
}

function keyOf(aggregation: Aggregation, node: Node, root: Node): string {
  switch (aggregation) {
    case 'resource':
      return node.uid;
    case 'workload':
      return root.uid;
    case 'release':
      return node.release ? `release:${qualified(node, `${node.releaseNamespace}/${node.release}`)}` : root.uid;
    case 'namespace': {
      const namespace = node.kind === 'Namespace' ? node.name : node.namespace;
      return namespace ? `namespace:${qualified(node, namespace)}` : keyOf('kind', node, root);
    }
    case 'kind':
      return `kind:${qualified(node, node.kind)}`;
    case 'cluster':
      return `cluster:${node.cluster}`;
  }
}

/** A name that may be in several clusters, as the server has it. */
function qualified({ cluster }: Node, name: string): string {
  return cluster ? `${cluster}/${name}` : name;
}
