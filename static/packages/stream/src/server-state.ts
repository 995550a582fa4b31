/** What the server says about itself: whether its graph is complete and up to date. */

/** The cluster that is watched. Unknown values are empty or absent. */
export interface ClusterName {
  readonly name?: string;
  readonly context?: string;
  readonly server?: string;
}

/** kinds: how many are listed, of how many. objects: how many were received. */
export interface SyncProgress {
  readonly kinds: number;
  readonly of: number;
  readonly objects: number;
}

/**
 * A kind that is incomplete. reason: `forbidden`, `not-served` or `skipped`; a later server may add others. why: for
 * people. objects: how many are left out, when the others are there.
 */
export interface PartialKind {
  readonly kind: string;
  readonly reason?: string;
  readonly why?: string;
  readonly objects?: number;
}

/**
 * What the user may see, where that is not everything (`--auth=kubernetes`). hidden: the kinds of which they may see
 * nothing. limited: those that they may see in some namespaces only. namespaces: these.
 */
export interface UserCoverage {
  readonly hidden: readonly string[];
  readonly limited: readonly string[];
  readonly namespaces: readonly string[];
  /** false while the server still asks in which namespaces the user may see more; absent from older servers. */
  readonly complete?: boolean;
}

/** The state of one of several clusters; the keys mean what those of `ServerState` do. */
export interface ClusterState {
  readonly name: string;
  readonly state: string;
  readonly since?: string;
  readonly why?: string;
  readonly server?: string;
  readonly progress?: SyncProgress;
  readonly partial?: readonly PartialKind[];
}

/**
 * state: `live`; `syncing`: the first lists are not complete; `partial`: up to date, but some kinds are incomplete;
 * `stale`: no longer updated. A later server may add others. since: RFC 3339, when the state began. why: one
 * sentence, empty when live. coverage: absent for somebody who sees everything.
 * clusters: of a server of several; then `state` is that of the worst.
 */
export interface ServerState {
  readonly type: "state";
  readonly state: string;
  readonly since?: string;
  readonly why?: string;
  readonly cluster?: ClusterName;
  readonly progress?: SyncProgress;
  readonly partial?: readonly PartialKind[];
  readonly coverage?: UserCoverage;
  readonly clusters?: readonly ClusterState[];
}
