/** The messages of the stream, checked as far as the plugin relies on them (shapes: Astrolabe's README, "Stream"). */

import { ServerState } from './state';

/** A resource. `since`: RFC 3339 time at which its status began. */
export interface Node {
  uid: string;
  kind: string;
  name: string;
  status: string;
  namespace?: string;
  reason?: string;
  message?: string;
  since?: string;
  release?: string;
  releaseNamespace?: string;
  chart?: string;
  metadata?: Record<string, unknown>;
  /** References to what is not there. */
  unresolved?: unknown[];
}

export interface Edge {
  type: string;
  from: string;
  to: string;
  field: string[];
}

/** A place in history: which one, and how far. */
export interface Position {
  epoch: string;
  seq: number;
}

export interface Hello {
  type: 'hello';
  heartbeat: number;
}

export interface Snapshot extends Position {
  type: 'snapshot';
  part: number;
  last: boolean;
  nodes: Node[];
  edges: Edge[];
}

/** `from`: the seq that was told last. `time`: of a single change, in milliseconds since 1970. */
export interface Delta extends Position {
  type: 'delta';
  from: number;
  time?: number;
  nodes: { set: Node[]; remove: string[] };
  edges: { set: Edge[]; remove: Array<Omit<Edge, 'field'>> };
}

export interface Bookmark extends Position {
  type: 'bookmark';
}

export interface Reset {
  type: 'reset';
  reason: string;
}

/** `id`: of the subscription that is refused; without one, a close follows. */
export interface Refusal {
  type: 'error';
  id?: string;
  code: string;
  message: string;
}

export type Message = Hello | ServerState | Snapshot | Delta | Bookmark | Reset | Refusal;

/** The server breaks the contract of the stream: what it sends does not fit what came before. */
export class ProtocolError extends Error {}

/** The message of a text; null for one of a type that is not known here, which a later server may send. */
export function decode(text: string): Message | null {
  const message = parse(text);
  switch (message.type) {
    case 'hello':
      return demand(message, typeof message.heartbeat === 'number' && message.heartbeat > 0);
    case 'state':
      return demand(message, typeof message.state === 'string' && isList(message.partial));
    case 'snapshot':
      return demand(message, isPosition(message) && Array.isArray(message.nodes) && Array.isArray(message.edges));
    case 'delta':
      return demand(
        message,
        isPosition(message) && typeof message.from === 'number' && isStep(message.nodes) && isStep(message.edges)
      );
    case 'bookmark':
      return demand(message, isPosition(message));
    case 'error':
      return demand(message, typeof message.code === 'string' && typeof message.message === 'string');
    case 'reset':
      return message as unknown as Reset;
    default:
      return null;
  }
}

type Document = Record<string, unknown>;

function parse(text: string): Document {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new ProtocolError('it sends no JSON');
  }
  if (typeof document !== 'object' || document === null) {
    throw new ProtocolError('a message is no object');
  }
  return document as Document;
}

function demand(message: Document, holds: boolean): Message {
  if (!holds) {
    throw new ProtocolError(`a ${message.type} is malformed`);
  }
  return message as unknown as Message;
}

function isPosition(message: Document): boolean {
  return typeof message.epoch === 'string' && Number.isInteger(message.seq);
}

function isList(value: unknown): boolean {
  return value === undefined || Array.isArray(value);
}

function isStep(step: unknown): boolean {
  const { set, remove } = (step ?? {}) as Document;
  return Array.isArray(set) && Array.isArray(remove);
}
