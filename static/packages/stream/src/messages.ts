/**
 * The messages of the stream.
 *
 * Unknown keys and message types are not errors: a later server may send them.
 */

import type { Problem } from "./problems";
import { ProtocolError } from "./protocol-error";
import type { ServerState } from "./server-state";
import type { Status } from "./status";

export interface OwnerReference {
  readonly kind: string;
  readonly name: string;
}

/** A reference to something that does not exist. field: its path in the manifest. */
export interface Unresolved {
  readonly type: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly field?: string;
}

/** What the manifest of a resource alone says of it. */
export interface OwnWords {
  readonly status: Status;
  readonly reason: string;
  readonly message: string;
}

/** since: RFC 3339. cluster: only of a server of several. own: only where neighbours changed a word. Keys without a value are absent; an older server also omits empty namespaces and messages. */
export interface Node {
  readonly uid: string;
  readonly name: string;
  readonly kind: string;
  readonly status: Status;
  readonly apiVersion?: string;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly since?: string;
  readonly own?: OwnWords;
  readonly release?: string;
  readonly releaseNamespace?: string;
  readonly chart?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly unresolved?: readonly Unresolved[];
}

/** from, to: uids. field: the paths in the manifest that the edge comes from. */
export interface Edge {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly field?: readonly string[];
}

/** heartbeat: seconds; the server sends something at least that often. */
export interface Hello {
  readonly type: "hello";
  readonly protocol?: string;
  readonly server?: string;
  readonly heartbeat: number;
}

/** A part of the filtered graph as of `seq`; parts count from 1. */
export interface Snapshot {
  readonly type: "snapshot";
  readonly epoch: string;
  readonly seq: number;
  readonly part: number;
  readonly last: boolean;
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly beyond?: readonly KindBeyond[];
}

/** What changed after `from` up to `seq`. time: Unix milliseconds, of a delta that is one change. */
export interface Delta {
  readonly type: "delta";
  readonly epoch: string;
  readonly from: number;
  readonly seq: number;
  readonly time?: number;
  readonly nodes: { readonly set: readonly Node[]; readonly remove: readonly string[] };
  readonly edges: { readonly set: readonly Edge[]; readonly remove: readonly Edge[] };
  readonly beyond?: readonly KindBeyond[];
}

/** A part of the problems as of `seq`, a position of this list alone; parts count from 1. */
export interface ProblemsPart {
  readonly type: "problems";
  readonly epoch: string;
  readonly seq: number;
  readonly part: number;
  readonly last: boolean;
  readonly problems: readonly Problem[];
}

/** Which problems changed after `from` up to `seq`. remove: ids. */
export interface ProblemsDelta {
  readonly type: "problems-delta";
  readonly epoch: string;
  readonly from: number;
  readonly seq: number;
  readonly problems: { readonly set: readonly Problem[]; readonly remove: readonly string[] };
}

/**
 * The counts of one group, with the keys of what the summary is grouped by; "" for what has none. id: within its summary.
 * problems: those whose cause is in the group.
 */
export interface SummaryGroup {
  readonly id: string;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly release?: string;
  readonly releaseNamespace?: string;
  readonly kind?: string;
  readonly node?: string;
  readonly nodeUid?: string;
  readonly owner?: string;
  readonly ownerUid?: string;
  readonly ownerKind?: string;
  readonly ownerNamespace?: string;
  readonly total: number;
  readonly problems: number;
  readonly ready: number;
  readonly pending: number;
  readonly error: number;
  readonly unknown: number;
}

/** A part of the groups as of `seq`, a position of this list alone. graph: the position of the graph. */
export interface SummaryPart {
  readonly type: "summary";
  readonly epoch: string;
  readonly seq: number;
  readonly graph?: string;
  readonly part: number;
  readonly last: boolean;
  readonly groups: readonly SummaryGroup[];
}

/** Which groups changed after `from` up to `seq`. remove: ids. */
export interface SummaryDelta {
  readonly type: "summary-delta";
  readonly epoch: string;
  readonly from: number;
  readonly seq: number;
  readonly graph?: string;
  readonly groups: { readonly set: readonly SummaryGroup[]; readonly remove: readonly string[] };
}

/** How many nodes of a kind have no room in a neighbourhood. */
export interface KindBeyond {
  readonly kind: string;
  readonly count: number;
}

/** Nothing for this filter up to `seq`. */
export interface Bookmark {
  readonly type: "bookmark";
  readonly epoch: string;
  readonly seq: number;
}

/** The client's graph cannot be brought up to date; a snapshot follows. */
export interface Reset {
  readonly type: "reset";
  readonly reason?: string;
}

/** id: of the refused subscription; absent when a close follows, whose code says what to do. */
export interface ErrorMessage {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
  readonly id?: string;
}

export type GraphMessage = Snapshot | Delta | Bookmark | Reset;
export type ProblemMessage = ProblemsPart | ProblemsDelta | Bookmark | Reset;
export type SummaryMessage = SummaryPart | SummaryDelta | Bookmark | Reset;
export type Message =
  | Hello
  | ServerState
  | GraphMessage
  | ProblemMessage
  | SummaryMessage
  | ErrorMessage
  | { readonly type: "pong" };

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number";
const whole: Check = (value) => Number.isSafeInteger(value);
const flag: Check = (value) => typeof value === "boolean";
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shape =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(checks).every(([key, check]) => check((value as Record<string, unknown>)[key]));

const node = shape({ uid: text, name: text, kind: text, status: text });
const edgeName = shape({ type: text, from: text, to: text });
const kind = shape({ kind: text, reason: optional(text), why: optional(text), objects: optional(number) });
const progress = shape({ kinds: number, of: number, objects: number });
const cluster = shape({
  ...{ name: text, state: text, since: optional(text), why: optional(text), server: optional(text) },
  ...{ progress: optional(progress), partial: optional(listOf(kind)) },
});
const position = { epoch: text, seq: whole };
const named = shape({ kind: text, name: text });
const problem = shape({
  ...{ id: text, status: text, reason: text, message: text, cause: named },
  affected: shape({ total: number, kinds: shape({}) }),
  ...{ entries: listOf(named), releases: listOf(shape({ name: text })) },
  ...{ namespaces: listOf(text), path: listOf(named) },
});

const group = shape({
  ...{ id: text, total: whole, problems: whole },
  ...{ ready: whole, pending: whole, error: whole, unknown: whole },
});
const beyond = optional(listOf(shape({ kind: text, count: whole })));

const SHAPES: ReadonlyMap<string, Check> = new Map([
  ["hello", shape({ heartbeat: number, protocol: optional(text), server: optional(text) })],
  [
    "state",
    shape({
      state: text,
      since: optional(text),
      why: optional(text),
      cluster: optional(shape({ name: optional(text), context: optional(text), server: optional(text) })),
      progress: optional(progress),
      partial: optional(listOf(kind)),
      clusters: optional(listOf(cluster)),
    }),
  ],
  [
    "snapshot",
    shape({ ...position, part: whole, last: flag, nodes: listOf(node), edges: listOf(edgeName), beyond }),
  ],
  [
    "delta",
    shape({
      ...position,
      from: whole,
      time: optional(number),
      nodes: shape({ set: listOf(node), remove: listOf(text) }),
      edges: shape({ set: listOf(edgeName), remove: listOf(edgeName) }),
      beyond,
    }),
  ],
  ["problems", shape({ ...position, part: whole, last: flag, problems: listOf(problem) })],
  [
    "problems-delta",
    shape({ ...position, from: whole, problems: shape({ set: listOf(problem), remove: listOf(text) }) }),
  ],
  ["summary", shape({ ...position, part: whole, last: flag, groups: listOf(group) })],
  [
    "summary-delta",
    shape({ ...position, from: whole, groups: shape({ set: listOf(group), remove: listOf(text) }) }),
  ],
  ["bookmark", shape(position)],
  ["reset", shape({ reason: optional(text) })],
  ["error", shape({ code: text, message: text, id: optional(text) })],
  ["pong", shape({})],
]);

/** Parses a message; null if its type is unknown. Throws ProtocolError. */
export function decode(data: string): Message | null {
  let document: unknown;
  try {
    document = JSON.parse(data);
  } catch (error) {
    throw new ProtocolError("it sends something that is not JSON", { cause: error });
  }
  return checkMessage(document);
}

/** The same for parsed JSON. */
export function checkMessage(document: unknown): Message | null {
  const type = (document as { type?: unknown } | null)?.type;
  if (typeof type !== "string") throw new ProtocolError("a message without a type");
  const fits = SHAPES.get(type);
  if (fits === undefined) return null;
  if (!fits(document)) throw new ProtocolError(`a message is malformed: ${type}`);
  return document as Message;
}
