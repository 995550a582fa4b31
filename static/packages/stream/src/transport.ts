/** One connection to the stream, by WebSocket or by server-sent events. */

/** Milliseconds for the handshake and the first message. */
export const CONNECT_TIMEOUT = 10_000;

/** What the client closes a WebSocket with. Browsers allow 3000-4999; Astrolabe itself uses 4500-4999. */
const CLOSED_BY_CLIENT = 4000;

/** Close codes. HTTP errors of server-sent events are mapped to them. */
export const ABNORMAL_CLOSURE = 1006;
/** From here to 4999, connecting again cannot help. */
export const FIRST_FINAL_CODE = 4500;
/** The user may see more or less than before: a client that comes back is told what. */
export const RIGHTS_CHANGED = 4010;
/** The token is missing, wrong or no longer valid. */
export const UNAUTHORISED = 4501;

/** reason: empty when the server gives none. error: the server's error code, such as `bad-filter`. */
export interface Closure {
  readonly code: number;
  readonly reason: string;
  readonly error?: string;
}

export interface Transport {
  /** Does nothing for server-sent events, which go one way only. */
  send(message: unknown): void;
  close(): void;
}

/** `closed` is the last call. */
export interface TransportListener {
  opened(): void;
  received(data: string): void;
  closed(closure: Closure): void;
}

export function openWebSocket(url: string, protocols: string[], listener: TransportListener): Transport {
  const socket = new WebSocket(url, protocols);
  socket.addEventListener("open", () => listener.opened());
  socket.addEventListener("message", (event) => listener.received(String(event.data)));
  socket.addEventListener("close", ({ code, reason }) => listener.closed({ code, reason }));
  return {
    send: (message) => socket.send(JSON.stringify(message)),
    close: () => socket.close(CLOSED_BY_CLIENT),
  };
}
