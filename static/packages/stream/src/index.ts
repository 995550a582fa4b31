/** The public API of the package; everything else is internal. */

export { Backoff } from "./backoff";
export {
  NeighbourhoodClient,
  ProblemClient,
  type ProblemOptions,
  StreamClient,
  type StreamOptions,
  SummaryClient,
} from "./client";
export type { ConnectionState, Filter, SignInRequired, StreamListener } from "./connection";
export type { Credentials } from "./credentials";
export { type Change, Graph, type ReadonlyGraph } from "./graph";
export type { EdgeKey } from "./graph-store";
export {
  type Column,
  columnText,
  columnTitle,
  type EdgeType,
  fetchEdgeTypes,
  fetchKinds,
  type Kind,
  Kinds,
  LAYERS,
  type Layer,
} from "./kinds";
export type {
  Bookmark,
  Delta,
  Edge,
  ErrorMessage,
  GraphMessage,
  Hello,
  KindBeyond,
  Message,
  Node,
  OwnerReference,
  ProblemMessage,
  ProblemsDelta,
  ProblemsPart,
  Reset,
  Snapshot,
  SummaryDelta,
  SummaryGroup,
  SummaryMessage,
  SummaryPart,
  Unresolved,
} from "./messages";
export { checkMessage, decode } from "./messages";
export { Neighbourhood, type NeighbourhoodQuery } from "./neighbourhood";
export type { FallbackReason, Probe, ProbeResult } from "./probe";
export { inOrder } from "./problem-order";
export { type ProblemChange, ProblemSet } from "./problem-set";
export {
  type CauseStep,
  fetchImpact,
  fetchProblem,
  fetchWhy,
  type Impact,
  type ImpactLevels,
  PROBLEM_SORTS,
  type Problem,
  type ProblemNode,
  type ProblemSort,
  type Why,
} from "./problems";
export type { Position } from "./progress";
export { ProtocolError } from "./protocol-error";
export { RefusedError } from "./rest";
export {
  type Completion,
  fetchCompletion,
  fetchHits,
  type Proposal,
  type SearchHit,
  type SearchHits,
  unitsOf,
} from "./search";
export type {
  ClusterName,
  ClusterState,
  PartialKind,
  ServerState,
  SyncProgress,
  UserCoverage,
} from "./server-state";
export { STATUSES, type Status, severity } from "./status";
export { type Dimension, type GroupChange, Summary } from "./summary";
export { type Caller, type CallingUser, fetchCaller } from "./whoami";
