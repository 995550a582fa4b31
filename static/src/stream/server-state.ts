/** What the server says of itself: whether what it sends is all there is, and as it is now. */

/** Where the graph comes from. What is not known is empty or absent. */
export interface ClusterName {
  readonly name?: string;
  readonly context?: string;
  readonly server?: string;
}

/** kinds: listed so far, of how many. objects: received so far. */
export interface SyncProgress {
  readonly kinds: number;
  readonly of: number;
  readonly objects: number;
}

/**
 * A kind of which something is missing. reason: `forbidden`, `not-served` or `skipped`; a later server may know
 * more. why: for people. objects: how many are left out, of a kind that is otherwise there.
 */
export interface PartialKind {
  readonly kind: string;
  readonly reason?: string;
  readonly why?: string;
  readonly objects?: number;
}

/**
 * state: `live`; `syncing`: what is there is only a part so far; `partial`: up to date, but some kinds are
 * missing; `stale`: nobody keeps it up to date. A later server may know more. since: RFC 3339, when it became
 * so. why: one sentence, empty when live.
 */
export interface ServerState {
  readonly type: "state";
  readonly state: string;
  readonly since?: string;
  readonly why?: string;
  readonly cluster?: ClusterName;
  readonly progress?: SyncProgress;
  readonly partial?: readonly PartialKind[];
}
