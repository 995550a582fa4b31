/** What is broken, grouped by cause: many symptoms of one crash are one problem. */
import { Kinds, LAYERS, Node, severity } from '@astrolabe/stream';
import { Causes, Part } from './causes';

/**
 * Similar resources that are their own cause, for the same reason.
 *
 * `roots`: in the order of their names. `affected`: how many others are not well because of them. `dependents`: all that
 * needs them, broken or not yet, what users meet first in front, as far as `FARTHEST`.
 * `since`: RFC 3339 time of the oldest root or, where roots do not tell, of what broke first because of them.
 */
export interface Problem {
  status: string;
  roots: Node[];
  /** The topmost owner of the roots. */
  owner: Node;
  affected: number;
  dependents: Node[];
  since?: string;
}

interface Gathered {
  roots: Map<string, Node>;
  affected: Map<string, Node>;
}

/** Dependents of a problem that are looked for: nearly everything may depend on one thing, for many such things. */
export const FARTHEST = 1000;

interface Options {
  /** What counts as broken. */
  statuses: readonly string[];
  kinds: Kinds;
  /** Problems, those with the largest impact. */
  most: number;
}

/** The problems that something broken is part of, the one with the largest impact first. */
export function findProblems(part: Part, { statuses, kinds, most }: Options): Problem[] {
  const causes = new Causes(part, kinds);
  const rank = ({ kind }: Node) => LAYERS.indexOf(kinds.of(kind).layer);
  const found = [...gather(causes).values()].filter(({ affected }) =>
    [...affected.values()].some(({ status }) => statuses.includes(status))
  );
  const impacts = found.map((each) => impactOf(each, rank)).sort(largestFirst);
  return impacts.slice(0, most).map(({ gathered, status, affected, since }) => {
    const roots = [...gathered.roots.values()].sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
    const dependents = [...causes.dependentsOf(gathered.roots.keys(), FARTHEST)].map((uid) => part.nodes.get(uid)!);
    dependents.sort((one, other) => rank(one) - rank(other) || nameOf(one).localeCompare(nameOf(other)));
    return { status, roots, owner: causes.ownerOf(roots[0]), affected, dependents, since };
  });
}

/** What is not well, by the workload, kind and reason of what is not well by itself. */
function gather(causes: Causes): Map<string, Gathered> {
  const gathered = new Map<string, Gathered>();
  const { nodes } = causes.part;
  nodes.forEach((node) => {
    const roots = node.status === 'Ready' ? [] : causes.rootsOf(node);
    roots.forEach((uid) => {
      const root = nodes.get(uid)!;
      const key = JSON.stringify([causes.ownerOf(root).uid, root.kind, root.reason]);
      const found = gathered.get(key) ?? { roots: new Map(), affected: new Map() };
      gathered.set(key, found);
      found.roots.set(uid, root);
      found.affected.set(node.uid, node);
    });
  });
  return gathered;
}

/** `reach`: how far in front it is felt; what stands first is what users meet. `name`: to tell equals apart. */
interface Impact {
  gathered: Gathered;
  status: string;
  reach: number;
  affected: number;
  since?: string;
  name: string;
}

function impactOf(gathered: Gathered, rank: (node: Node) => number): Impact {
  const roots = [...gathered.roots.values()];
  const all = [...roots, ...gathered.affected.values()];
  return {
    gathered,
    status: all.reduce((worst, { status }) => (severity(status) > severity(worst) ? status : worst), 'Ready'),
    reach: all.reduce((first, node) => Math.min(first, rank(node)), Infinity),
    affected: [...gathered.affected.keys()].filter((uid) => !gathered.roots.has(uid)).length,
    since: oldest(roots) ?? oldest(all),
    name: roots.map(nameOf).sort()[0],
  };
}

function largestFirst(one: Impact, other: Impact): number {
  return (
    severity(other.status) - severity(one.status) ||
    one.reach - other.reach ||
    other.affected - one.affected ||
    (other.since ?? '').localeCompare(one.since ?? '') ||
    one.name.localeCompare(other.name)
  );
}

/** Of a graph what is broken, the ways to what breaks it, and what depends on that. */
export function focus(part: Part, statuses: readonly string[], kinds: Kinds): Part {
  const causes = new Causes(part, kinds);
  const roots = new Set<string>();
  part.nodes.forEach((node) => {
    if (statuses.includes(node.status)) {
      causes.rootsOf(node).forEach((uid) => roots.add(uid));
    }
  });
  const kept = new Set([...roots, ...causes.dependentsOf(roots)]);
  return {
    nodes: new Map([...part.nodes].filter(([uid]) => kept.has(uid))),
    edges: new Map([...part.edges].filter(([, { from, to }]) => kept.has(from) && kept.has(to))),
  };
}

function oldest(nodes: Node[]): string | undefined {
  return nodes.flatMap(({ since }) => since ?? []).sort()[0];
}

function nameOf({ namespace = '', kind, name }: Node): string {
  return `${namespace}/${kind}/${name}`;
}
