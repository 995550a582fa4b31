/** The clients of the stream: one follows a graph, the other its problems. */

import type { StreamListener } from "./connection";
import { Follower, type FollowOptions } from "./follower";
import { type Change, Graph } from "./graph";
import type { GraphMessage, ProblemMessage } from "./messages";
import { type ProblemChange, ProblemSet } from "./problem-set";

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
