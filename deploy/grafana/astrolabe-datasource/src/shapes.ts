import { DataFrame } from '@grafana/data';
import { Changes } from './frames/changes';
import { Counts } from './frames/counts';
import { problemsFrame } from './frames/problems';
import { resourcesFrame } from './frames/resources';
import { findProblems, focus } from './problems/problems';
import { Update } from './live';
import { Graph, Kinds } from '@astrolabe/stream';
import { Topology } from './topology/topology';
import { AstrolabeQuery, LIMITS, QueryType } from './types';

/** What a query makes of the updates that it gets: it takes all of them in, and shows frames now and then. */
export interface Shape {
  take(update: Update): void;
  /** `refId`: of the query that asks. */
  frames(update: Update, refId: string): DataFrame[];
}

/**
 * The shape of a query. What it remembers (places, series, rows) outlives the panel's next request.
 *
 * `sought`: the statuses of what it looks for.
 */
export function shapeOf(query: AstrolabeQuery, kinds: Kinds, sought?: readonly string[]): Shape {
  return SHAPES[query.queryType ?? 'topology'](query, kinds, sought);
}

const SHAPES: Record<QueryType, (query: AstrolabeQuery, kinds: Kinds, sought?: readonly string[]) => Shape> = {
  topology: ({ limit }, kinds, sought) => {
    const topology = new Topology(kinds, limit || LIMITS.topology);
    const part = (graph: Graph) => (sought ? focus(graph, sought, kinds) : graph);
    return { take: nothing, frames: ({ graph }, refId) => topology.frames(part(graph), refId) };
  },
  problems: ({ limit }, kinds, statuses = []) => ({
    take: nothing,
    frames: ({ graph }, refId) => {
      const options = { statuses, kinds, most: limit || LIMITS.problems };
      return [problemsFrame(findProblems(graph, options), refId, kinds)];
    },
  }),
  resources: () => ({ take: nothing, frames: ({ graph }, refId) => [resourcesFrame(graph.nodes, refId)] }),
  counts: () => {
    const counts = new Counts();
    return {
      take: nothing,
      frames: ({ graph, trouble, state }, refId) => {
        // What is not known now is no point of now: the series ends where the news did.
        if (trouble === undefined && state?.state !== 'stale') {
          counts.add(graph.nodes, Date.now());
        }
        return [counts.frame(refId)];
      },
    };
  },
  changes: ({ limit }) => {
    const log = new Changes();
    return {
      take: ({ changes, time }) => log.add(changes, time),
      frames: (_, refId) => [log.frame(refId, limit || LIMITS.changes)],
    };
  },
};

function nothing(): void {}
