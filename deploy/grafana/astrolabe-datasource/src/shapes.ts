import { DataFrame } from '@grafana/data';
import { Changes } from './frames/changes';
import { Counts } from './frames/counts';
import { resourcesFrame } from './frames/resources';
import { Update } from './stream/follower';
import { Layers } from './topology/kinds';
import { Topology } from './topology/topology';
import { AstrolabeQuery, LIMITS, QueryType } from './types';

/** What a query makes of the updates that it gets: it takes all of them in, and shows frames now and then. */
export interface Shape {
  take(update: Update): void;
  /** `refId`: of the query that asks. */
  frames(update: Update, refId: string): DataFrame[];
}

/** The shape of a query. What it remembers (places, series, rows) outlives the panel's next request. */
export function shapeOf(query: AstrolabeQuery, layers: Layers): Shape {
  return SHAPES[query.queryType ?? 'topology'](query, layers);
}

const SHAPES: Record<QueryType, (query: AstrolabeQuery, layers: Layers) => Shape> = {
  topology: ({ limit }, layers) => {
    const topology = new Topology(layers, limit || LIMITS.topology);
    return { take: nothing, frames: ({ graph }, refId) => topology.frames(graph, refId) };
  },
  resources: () => ({ take: nothing, frames: ({ graph }, refId) => [resourcesFrame(graph.nodes, refId)] }),
  counts: () => {
    const counts = new Counts();
    return {
      take: nothing,
      frames: ({ graph }, refId) => {
        counts.add(graph.nodes, Date.now());
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
