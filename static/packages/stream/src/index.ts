/** The public API of the package; everything else is internal. */

export { Backoff } from "./backoff";
export { StreamClient, type StreamOptions } from "./client";
export type { ConnectionState, Filter, SignInRequired, StreamListener } from "./connection";
export type { Credentials } from "./credentials";
export { type Change, Graph, type Position, type ReadonlyGraph } from "./graph";
export type { EdgeKey } from "./graph-store";
export { type EdgeType, fetchEdgeTypes, fetchKinds, type Kind, Kinds, LAYERS, type Layer } from "./kinds";
export type {
  Bookmark,
  Delta,
  Edge,
  ErrorMessage,
  GraphMessage,
  Hello,
  Message,
  Node,
  OwnerReference,
  Reset,
  Snapshot,
  Unresolved,
} from "./messages";
export { checkMessage, decode } from "./messages";
export type { FallbackReason, Probe, ProbeResult } from "./probe";
export {
  type CauseStep,
  fetchImpact,
  fetchProblem,
  fetchProblems,
  fetchWhy,
  type Impact,
  PROBLEM_SORTS,
  type Problem,
  type ProblemNode,
  type ProblemSort,
  type Why,
} from "./problems";
export { ProtocolError } from "./protocol-error";
export type { ClusterName, PartialKind, ServerState, SyncProgress } from "./server-state";
export { STATUSES, type Status, severity } from "./status";
