import { Edge, Node } from '@astrolabe/stream';

/** How much is drawn as one, from the finest to the coarsest. */
export const LEVELS = ['resource', 'workload', 'release', 'namespace', 'kind'] as const;

export type Level = (typeof LEVELS)[number];

/** To a finer level than before only with this much room, so that it does not go to and fro at the limit. */
const ROOM = 0.8;
/** Owners above one another, more than Kubernetes has: a circle ends there. */
const HIGHEST = 8;

export interface Choice {
  level: Level;
  /** By uid of each node the key of what it is drawn in. */
  keys: Map<string, string>;
  /** By uid of each node its topmost owner, which may be itself; when nothing is drawn together, itself. */
  roots: Map<string, Node>;
}

/**
 * The finest level at which there are at most `limit` keys. Kinds, which are few, are drawn whatever the limit.
 * `current`: the level at which the same was drawn before.
 */
export function choose(nodes: ReadonlyMap<string, Node>, edges: Iterable<Edge>, limit: number, current: Level): Choice {
  const bound = (level: Level) => (LEVELS.indexOf(level) >= LEVELS.indexOf(current) ? limit : ROOM * limit);
  if (nodes.size <= bound('resource')) {
    return { level: 'resource', keys: new Map([...nodes.keys()].map((uid) => [uid, uid])), roots: new Map(nodes) };
  }
  const roots = findRoots(nodes, edges);
  for (const level of LEVELS.slice(1)) {
    const keys = new Map<string, string>();
    nodes.forEach((node, uid) => keys.set(uid, keyOf(level, node, roots.get(uid)!)));
    if (level === 'kind' || new Set(keys.values()).size <= bound(level)) {
      return { level, keys, roots };
    }
  }
  throw new Error('kinds are the last level');
}

/** Whether `to` is part of what the edge comes from: of its owner, an EndpointSlice of its Service. */
export function belongs({ type }: Edge, to: Node | undefined): boolean {
  return type === 'owns' || (type === 'endpoints' && to?.kind === 'EndpointSlice');
}

function findRoots(nodes: ReadonlyMap<string, Node>, edges: Iterable<Edge>): Map<string, Node> {
  const owners = new Map<string, Edge>();
  for (const edge of edges) {
    const known = owners.get(edge.to);
    if (belongs(edge, nodes.get(edge.to)) && nodes.get(edge.from)?.namespace === nodes.get(edge.to)?.namespace) {
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

function keyOf(level: Level, node: Node, root: Node): string {
  switch (level) {
    case 'resource':
      return node.uid;
    case 'workload':
      return root.uid;
    case 'release':
      return node.release ? `release:${node.releaseNamespace}/${node.release}` : root.uid;
    case 'namespace': {
      const namespace = node.kind === 'Namespace' ? node.name : node.namespace;
      return namespace ? `namespace:${namespace}` : `kind:${node.kind}`;
    }
    case 'kind':
      return `kind:${node.kind}`;
  }
}
