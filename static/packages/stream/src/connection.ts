/** What a client of the stream is given, and what it reports. */

import type { Change } from "./graph";
import type { FallbackReason } from "./probe";
import type { ServerState } from "./server-state";

/** The filter of a subscribe message: `{"namespace": ["shop"], "q": "web"}`. A later server may know other fields. */
export interface Filter {
  readonly namespace?: readonly string[];
  readonly release?: readonly string[];
  readonly kind?: readonly string[];
  readonly status?: readonly string[];
  readonly selector?: string;
  readonly q?: string;
  readonly [field: string]: readonly string[] | string | undefined;
}

/**
 * connecting: for the first time. catching-up: connected, but what is held may be old. live: it is what the
 * server has. disconnected: `since` and `retry`, when it is tried again, are Unix milliseconds.
 * refused: for good; `reason` is for people, `error` the server's error code, which may be empty.
 */
export type ConnectionState =
  | { readonly state: "connecting" | "catching-up" | "live" }
  | {
      readonly state: "disconnected";
      readonly since: number;
      readonly retry: number;
      readonly reason: string;
    }
  | { readonly state: "refused"; readonly reason: string; readonly error: string }
  | SignInRequired;

/**
 * The server does not let the client in until `retry` is called with another token.
 *
 * needed: there is no token. refused: the server rejected the one that was just entered. withdrawn: it used to be
 * valid. unreachable: the server could not be asked, or could not find out whose token it is: `reason` is its sentence,
 * if it said one. checking: a new token is being tried.
 */
export interface SignInRequired {
  readonly state: "locked";
  readonly why: "needed" | "refused" | "withdrawn" | "unreachable";
  readonly checking: boolean;
  readonly reason?: string;
}

/** T: `Change` of the graph, `ProblemChange` of problems. */
export interface StreamListener<T = Change> {
  /** The changes of one message; empty when only the position moved. time: when they happened, Unix milliseconds. */
  onChange(changes: readonly T[], time: number): void;
  onConnection(connection: ConnectionState): void;
  /** What the server last said about itself; null while there is no connection. */
  onServerState?(state: ServerState | null): void;
  /** Why the client uses server-sent events; null: it uses a WebSocket. */
  onFallback?(reason: FallbackReason | null): void;
  /** The server now runs another version than at first. */
  onServerUpdate?(): void;
}
