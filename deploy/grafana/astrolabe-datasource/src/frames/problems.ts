import { Kinds, Node, Problem } from '@astrolabe/stream';
import { DataFrame } from '@grafana/data';
import { clusterColumn, number, status, tableFrame, text, time } from './table';

/** What a table of problems refers to. `nodes`: of the part of the graph that they are of, by uid. */
interface Context {
  kinds: Kinds;
  nodes: ReadonlyMap<string, Node>;
}

/** A table: one row a problem. */
export function problemsFrame(problems: Problem[], refId: string, { kinds, nodes }: Context): DataFrame {
  return tableFrame('problems', refId, problems, [
    status('status', 'Status', (problem) => problem.status),
    time('since', 'Since', (problem) => problem.since),
    text('reason', 'Reason', (problem) => problem.reason),
    text('kind', 'Kind', kindOf),
    text('name', 'Name', ({ cause }) => cause.name),
    text('message', 'Why', (problem) => problem.message),
    number('affected', 'Breaks', ({ affected }) => affected.total),
    text('dependents', 'What depends on it', (problem) => dependents(problem, kinds)),
    ...clusterColumn(problems, ({ cause }) => cause.cluster),
    text('namespace', 'Namespace', ({ cause, namespaces }) => cause.namespace || only(namespaces)),
    text('release', 'Release', ({ cause, releases }) => nodes.get(cause.uid ?? '')?.release || only(releases)?.name),
    text('uid', 'UID', ({ cause }) => cause.uid),
  ]);
}

function kindOf({ cause: { kind, count = 1, missing } }: Problem): string {
  if (missing) {
    return `${kind}, missing`;
  }
  return count > 1 ? `${kind} ×${count}` : kind;
}

/** `1 Ingress, 2 Services, 3 Pods`: what is not well because of it, what users meet first in front. */
function dependents({ affected }: Problem, kinds: Kinds): string {
  const all = Object.entries(affected.kinds);
  // ReplicaSets and EndpointSlices go without saying: they come with their owners.
  const telling = all.filter(([kind]) => !kinds.of(kind).relays);
  const shown = telling.length > 0 ? telling : all;
  shown.sort(([one], [other]) => kinds.of(one).column - kinds.of(other).column || (one < other ? -1 : 1));
  return shown.map(([kind, count]) => kinds.counted(count, kind)).join(', ');
}

/** What there is one of. */
function only<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined;
}
