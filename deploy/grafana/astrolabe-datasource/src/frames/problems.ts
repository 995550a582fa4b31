import { Kind, Kinds } from '@astrolabe/stream';
import { DataFrame } from '@grafana/data';
import { FARTHEST, Problem } from '../problems/problems';
import { number, status, tableFrame, text, time } from './table';

/** Names of dependents that are told; the others are counted. */
const NAMED = 3;

/** A table: one row a problem. */
export function problemsFrame(problems: Problem[], refId: string, kinds: Kinds): DataFrame {
  return tableFrame('problems', refId, problems, [
    status('status', 'Status', (problem) => problem.status),
    time('since', 'Since', (problem) => problem.since),
    text('reason', 'Reason', ({ roots: [first] }) => first.reason),
    text('kind', 'Kind', ({ roots }) => (roots.length > 1 ? `${roots[0].kind} ×${roots.length}` : roots[0].kind)),
    text('name', 'Name', ({ roots, owner }) => (roots.length > 1 ? owner : roots[0]).name),
    text('message', 'Why', ({ roots: [first] }) => first.message),
    number('affected', 'Breaks', (problem) => problem.affected),
    text('dependents', 'What depends on it', (problem) => dependents(problem, kinds)),
    text('namespace', 'Namespace', ({ roots: [first] }) => first.namespace),
    text('release', 'Release', ({ roots: [first] }) => first.release),
    text('uid', 'UID', ({ roots: [first] }) => first.uid),
  ]);
}

/** `shop (Ingress), web (Service, Deployment), and 3 more`: what users meet first in front. */
function dependents(problem: Problem, kinds: Kinds): string {
  // Pods, ReplicaSets and EndpointSlices go without saying: they come with their owners.
  const isImplied = ({ relays, layer }: Kind) => relays || layer === 'pod';
  const telling = problem.dependents.filter(({ kind }) => !isImplied(kinds.of(kind)));
  const byName = new Map<string, string[]>();
  for (const { name, kind } of telling.length > 0 ? telling : problem.dependents) {
    byName.set(name, [...(byName.get(name) ?? []), kind]);
  }
  const named = [...byName].map(([name, found]) => `${name} (${found.join(', ')})`);
  const more = problem.dependents.length < FARTHEST ? `${named.length - NAMED} more` : 'many more';
  return named.length > NAMED ? `${named.slice(0, NAMED).join(', ')}, and ${more}` : named.join(', ');
}
