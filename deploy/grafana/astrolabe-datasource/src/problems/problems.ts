/** What is broken, gathered by its cause: many symptoms of one crash are one problem. */
import { Node } from '../stream/message';
import { LAYERS, Layers, severity } from '../topology/kinds';
import { Causes, Part } from './causes';

/**
 * Resources that are broken by themselves, alike, for the same reason.
 *
 * `roots`: in the order of their names. `affected`: how many others are not well because of them. `dependents`: all that
 * needs them, broken or not yet, what users meet first in front.
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

/** The problems that something with one of these statuses is part of, the one with the largest impact first. */
export function findProblems(part: Part, statuses: readonly string[], layers: Layers): Problem[] {
  const causes = new Causes(part);
  const gathered = new Map<string, Gathered>();
  part.nodes.forEach((node) => {
    const roots = node.status === 'Ready' ? [] : causes.rootsOf(node);
    roots.forEach((uid) => {
      const root = part.nodes.get(uid)!;
      const key = JSON.stringify([causes.ownerOf(root).uid, root.kind, root.reason]);
      const found = gathered.get(key) ?? { roots: new Map(), affected: new Map() };
      gathered.set(key, found);
      found.roots.set(uid, root);
      found.affected.set(node.uid, node);
    });
  });
  const sought = [...gathered.values()].filter(({ affected }) =>
    [...affected.values()].some(({ status }) => statuses.includes(status))
  );
  const rank = ({ kind }: Node) => LAYERS.indexOf(layers.get(kind) ?? 'cluster');
  const problems = sought.map((each) => ({ problem: problemOf(causes, each, rank), each }));
  const reach = ({ affected }: Gathered) => Math.min(...[...affected.values()].map(rank));
  problems.sort(
    (one, other) =>
      severity(one.problem.status) - severity(other.problem.status) ||
      reach(one.each) - reach(other.each) ||
      other.problem.affected - one.problem.affected ||
      (other.problem.since ?? '').localeCompare(one.problem.since ?? '') ||
      nameOf(one.problem.roots[0]).localeCompare(nameOf(other.problem.roots[0]))
  );
  return problems.map(({ problem }) => problem);
}

/** Of a graph what is broken, the ways to what breaks it, and what depends on that. */
export function focus(part: Part, statuses: readonly string[]): Part {
  const causes = new Causes(part);
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

function problemOf(causes: Causes, { roots, affected }: Gathered, rank: (node: Node) => number): Problem {
  const sorted = [...roots.values()].sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
  const all = [...affected.values()];
  const dependents = [...causes.dependentsOf(roots.keys())].map((uid) => causes.part.nodes.get(uid)!);
  dependents.sort((one, other) => rank(one) - rank(other) || nameOf(one).localeCompare(nameOf(other)));
  return {
    status: [...sorted, ...all].reduce((one, other) => (severity(other.status) < severity(one.status) ? other : one))
      .status,
    roots: sorted,
    owner: causes.ownerOf(sorted[0]),
    affected: all.filter(({ uid }) => !roots.has(uid)).length,
    dependents,
    since: oldest(sorted) ?? oldest(all),
  };
}

function oldest(nodes: Node[]): string | undefined {
  return nodes.flatMap(({ since }) => since ?? []).sort()[0];
}

function nameOf({ namespace = '', kind, name }: Node): string {
  return `${namespace}/${kind}/${name}`;
}
