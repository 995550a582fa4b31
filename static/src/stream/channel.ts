/** One connection to the stream, by whichever of its two ways. */

/** Milliseconds for the handshake and the first message. */
export const OPENING = 10_000;
/** What a browser may close a connection with; 4000-4499 is ours to use. */
const GIVEN_UP = 4000;

/** Close codes, of server-sent events, too, whose answers are taken for them. */
export const LOST = 1006;
export const FINAL = 4500;
/** The token that was shown does not let in, or no longer. */
export const UNAUTHORISED = 4501;

/** code: as a WebSocket is closed with. reason: empty when nothing is said. error: the server's word for it. */
export interface End {
  readonly code: number;
  readonly reason: string;
  readonly error?: string;
}

export interface Channel {
  /** Without effect on the way that leads only from the server to the page. */
  send(message: unknown): void;
  close(): void;
}

/** Called in the order of what happens; `ended` is the last. */
export interface ChannelListener {
  opened(): void;
  heard(data: string): void;
  ended(end: End): void;
}

/** By WebSocket. */
export function openSocket(url: string, protocols: string[], listener: ChannelListener): Channel {
  const socket = new WebSocket(url, protocols);
  socket.addEventListener("open", () => listener.opened());
  socket.addEventListener("message", (event) => listener.heard(String(event.data)));
  socket.addEventListener("close", ({ code, reason }) => listener.ended({ code, reason }));
  return {
    send: (message) => socket.send(JSON.stringify(message)),
    close: () => socket.close(GIVEN_UP),
  };
}
