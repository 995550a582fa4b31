/** Tries a WebSocket from time to time while the client uses server-sent events. */

import { decode } from "./messages";
import type { Transport, TransportListener } from "./transport";

/**
 * open: opens a WebSocket. interval: milliseconds between attempts. greeted: called once the server has said
 * hello; the listener it returns receives everything from that hello on.
 */
interface RetryOptions {
  readonly open: (listener: TransportListener) => Transport;
  readonly interval: number;
  readonly greeted: (transport: Transport) => TransportListener;
}

export class WebSocketRetry {
  readonly #options: RetryOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #transport: Transport | null = null;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Try again after the interval; an attempt that is under way is dropped. */
  schedule(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#try(), this.#options.interval);
  }

  /** A WebSocket that was handed over stays open. */
  stop(): void {
    clearTimeout(this.#timer);
    const transport = this.#transport;
    this.#transport = null;
    transport?.close();
  }

  #try(): void {
    let successor: TransportListener | null = null;
    const transport = this.#options.open({
      opened: () => {}, // A server that refuses opens the WebSocket, too, to say so.
      received: (data) => {
        if (successor === null && this.#transport === transport) {
          if (isHello(data)) {
            this.#transport = null;
            successor = this.#options.greeted(transport);
          } else this.schedule();
        }
        successor?.received(data);
      },
      closed: (closure) => {
        if (this.#transport === transport) this.schedule();
        successor?.closed(closure);
      },
    });
    this.#transport = transport;
  }
}

function isHello(data: string): boolean {
  try {
    return decode(data)?.type === "hello";
  } catch {
    return false;
  }
}
