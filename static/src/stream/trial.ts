/** Whether a WebSocket comes through by now: tried every now and then, beside the detour. */

import type { Channel, ChannelListener } from "./channel";
import { decode } from "./message";

/**
 * open: a WebSocket. every: milliseconds between two of them. greeted: the server greets on it, and goes on
 * telling the listener that is returned.
 */
export class Trial {
  readonly #open: (listener: ChannelListener) => Channel;
  readonly #every: number;
  readonly #greeted: (channel: Channel) => ChannelListener;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #channel: Channel | null = null;

  constructor(
    open: (listener: ChannelListener) => Channel,
    every: number,
    greeted: (channel: Channel) => ChannelListener,
  ) {
    this.#open = open;
    this.#every = every;
    this.#greeted = greeted;
  }

  /** Try one after a while, and none before. */
  later(): void {
    this.end();
    this.#timer = setTimeout(() => this.#try(), this.#every);
  }

  /** One that was greeted on goes on. */
  end(): void {
    clearTimeout(this.#timer);
    const channel = this.#channel;
    this.#channel = null;
    channel?.close();
  }

  #try(): void {
    let heir: ChannelListener | null = null;
    const channel = this.#open({
      opened: () => {}, // by a server that refuses as well, to say so
      heard: (data) => {
        if (heir === null && this.#channel === channel) {
          if (greets(data)) {
            this.#channel = null;
            heir = this.#greeted(channel);
          } else this.later();
        }
        heir?.heard(data);
      },
      ended: (end) => {
        if (this.#channel === channel) this.later();
        heir?.ended(end);
      },
    });
    this.#channel = channel;
  }
}

function greets(data: string): boolean {
  try {
    return decode(data)?.type === "hello";
  } catch {
    return false;
  }
}
