import { DataFrame } from '@grafana/data';
import { Changes } from './frames/changes';
import { Counts } from './frames/counts';
import { problemsFrame } from './frames/problems';
import { resourcesFrame } from './frames/resources';
import { Update } from './live';
import { Kinds } from '@astrolabe/stream';
import { inFocus } from './topology/part';
import { Topology } from './topology/topology';
import { AstrolabeQuery, LIMITS, QueryType } from './types';

/**
 * What a query makes of the updates that it gets: it takes all of them in, and shows frames now and then; none while
 * it does not know what to show.
 */
export interface Shape {
  take(update: Update): void;
  /** `refId`: of the query that asks. */
  frames(update: Update, refId: string): DataFrame[];
}

/** The shape of a query. What it remembers (places, series, rows) outlives the panel's next request. */
export function shapeOf(query: AstrolabeQuery, kinds: Kinds): Shape {
  return SHAPES[query.queryType ?? 'topology'](query, kinds);
}

const SHAPES: Record<QueryType, (query: AstrolabeQuery, kinds: Kinds) => Shape> = {
  topology: ({ limit, focus }, kinds) => {
    const topology = new Topology(kinds, limit || LIMITS.topology);
    return {
      take: nothing,
      frames: ({ graph, problems }, refId) => {
        if (!focus) {
          return topology.frames(graph, refId);
        }
        return problems ? topology.frames(inFocus(graph, problems), refId) : [];
      },
    };
  },
  problems: ({ limit }, kinds) => ({
    take: nothing,
    frames: ({ graph: { nodes }, problems }, refId) =>
      problems ? [problemsFrame(problems.slice(0, limit || LIMITS.problems), refId, { kinds, nodes })] : [],
  }),
  resources: (_, kinds) => ({
    take: nothing,
    frames: ({ graph }, refId) => [resourcesFrame(graph.nodes, refId, kinds)],
  }),
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
