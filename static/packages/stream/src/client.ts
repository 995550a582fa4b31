/** The clients of the stream: they follow a graph, its problems, a summary, or what is around some nodes. */

import type { StreamListener } from "./connection";
import { Follower, type FollowOptions } from "./follower";
import { type Change, Graph } from "./graph";
import type { GraphMessage, ProblemMessage, SummaryMessage } from "./messages";
import { Neighbourhood, type NeighbourhoodQuery } from "./neighbourhood";
import { type ProblemChange, ProblemSet } from "./problem-set";
import { type Dimension, type GroupChange, Summary } from "./summary";

export type StreamOptions = Omit<FollowOptions, "detail">;
/** detail: whether each problem also names what it affects. */
export type ProblemOptions = FollowOptions;

/** Follows a part of Astrolabe's graph. The reported changes always add up to `graph`. */
export class StreamClient extends Follower<GraphMessage, Change> {
  readonly graph: Graph;

  /** url: `ws(s)://…/api/v1/ws`. */
  constructor(url: string, listener: StreamListener, options: StreamOptions = {}) {
    const graph = new Graph();
    super(url, graph, listener, options);
    this.graph = graph;
  }
}

/** Follows the problems of a part of the graph. The reported changes always add up to `problems`. */
export class ProblemClient extends Follower<ProblemMessage, ProblemChange> {
  readonly problems: ProblemSet;

  /** As of `StreamClient`. */
  constructor(url: string, listener: StreamListener<ProblemChange>, options: ProblemOptions = {}) {
    const problems = new ProblemSet();
    super(url, problems, listener, options);
    this.problems = problems;
  }
}

/** Follows the groups of a part of the graph. The reported changes always add up to `summary`. */
export class SummaryClient extends Follower<SummaryMessage, GroupChange> {
  readonly summary: Summary;

  /** As of `StreamClient`. by: one or two. */
  constructor(
    url: string,
    by: readonly Dimension[],
    listener: StreamListener<GroupChange>,
    options: StreamOptions = {},
  ) {
    const summary = new Summary(by);
    super(url, summary, listener, options);
    this.summary = summary;
  }
}

/** Follows what is around some nodes. The reported changes always add up to `neighbourhood`. */
export class NeighbourhoodClient extends Follower<GraphMessage, Change> {
  readonly neighbourhood: Neighbourhood;

  /** As of `StreamClient`; it takes no filter. */
  constructor(
    url: string,
    query: NeighbourhoodQuery,
    listener: StreamListener,
    options: Omit<StreamOptions, "filter"> = {},
  ) {
    const neighbourhood = new Neighbourhood(query);
    super(url, neighbourhood, listener, options);
    this.neighbourhood = neighbourhood;
  }

  /** Moves it. What both have in common stays. */
  refocus(focus: readonly string[]): void {
    this.neighbourhood.subject = { ...this.neighbourhood.subject, focus };
    if (!this.tell({ type: "refocus", id: "default", focus })) this.resubscribe();
  }
}
