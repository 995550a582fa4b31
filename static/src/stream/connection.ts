/** What a client of the stream is given, and what it tells. */

import type { Detour } from "./detour";
import type { Change } from "./graph";
import type { ServerState } from "./server-state";

/** As a subscribe message has it, and README, "API": `{"namespace": ["shop"], "q": "web"}`. */
export type Filter = Readonly<Record<string, readonly string[] | string>>;

/**
 * connecting: for the first time. catching-up: connected, and what is held may be old. live: what is held is
 * what the server has. disconnected: `since` (Unix milliseconds), tried again at `retry`.
 * refused: for good; `reason` says why, `error` in a word for programs, which may be empty. locked: until `retry` is called with another token; `checking` while
 * one is tried.
 */
export type Connection =
  | { readonly state: "connecting" | "catching-up" | "live" }
  | {
      readonly state: "disconnected";
      readonly since: number;
      readonly retry: number;
      readonly reason: string;
    }
  | { readonly state: "refused"; readonly reason: string; readonly error: string }
  | Lock;

export interface Lock {
  readonly state: "locked";
  readonly why: "needed" | "refused" | "withdrawn" | "unreachable";
  readonly checking: boolean;
}

export interface Listener {
  /** What the graph has just taken in; without changes when only its position moved. */
  changed(changes: readonly Change[]): void;
  connection(now: Connection): void;
  /** What the server says of its graph; null while it says nothing. */
  state(now: ServerState | null): void;
  /** Why it goes by server-sent events; null: by WebSocket. */
  detour(why: Detour | null): void;
  /** Another version of the server is there than at first. */
  updated(): void;
}
