/** The stream of what the page asks the server for. */

import { type Credentials, type Graph, StreamClient, type StreamListener } from "@astrolabe/stream";
import { scopeOf, type View } from "./url";

/** One connection at a time. */
export class Stream {
  readonly #url: string;
  readonly #credentials: Credentials;
  readonly #listener: StreamListener;
  #client: StreamClient;

  constructor(url: string, credentials: Credentials, view: View, listener: StreamListener) {
    this.#url = url;
    this.#credentials = credentials;
    this.#listener = listener;
    this.#client = this.#clientOf(view);
  }

  get graph(): Graph {
    return this.#client.graph;
  }

  start(): void {
    this.#client.start();
  }

  /** Disconnects for good. */
  stop(): void {
    this.#client.stop();
  }

  retry(): void {
    this.#client.retry();
  }

  /** Begins anew, with another graph, for what this view asks for. */
  follow(view: View): void {
    this.#client.stop();
    this.#client = this.#clientOf(view);
    this.#client.start();
  }

  /** What a client that has been replaced still says is not heard. */
  #clientOf(view: View): StreamClient {
    const { onChange, onConnection, onServerState, onFallback, onServerUpdate } = this.#listener;
    const ifCurrent =
      <T extends unknown[]>(act: ((...told: T) => void) | undefined) =>
      (...told: T) => {
        if (client === this.#client) act?.(...told);
      };
    const listener: StreamListener = {
      onChange: ifCurrent(onChange),
      onConnection: ifCurrent(onConnection),
      onServerState: ifCurrent(onServerState),
      onFallback: ifCurrent(onFallback),
      onServerUpdate: ifCurrent(onServerUpdate),
    };
    const filter = scopeOf(view);
    const client: StreamClient = new StreamClient(this.#url, listener, {
      filter,
      credentials: this.#credentials,
    });
    return client;
  }
}
