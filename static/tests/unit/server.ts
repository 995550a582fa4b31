/** A server of the stream on a port of its own, by a real WebSocket library, that says what a test tells it to. */

import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

/** One client's connection. heard: what it sent. */
export class Peer {
  readonly socket: WebSocket;
  readonly #heard: unknown[] = [];
  readonly #waiting: ((message: unknown) => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const message: unknown = JSON.parse(String(data));
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#heard.push(message);
      else waiting(message);
    });
  }

  say(...messages: unknown[]): void {
    for (const message of messages) this.socket.send(JSON.stringify(message));
  }

  /** The next message of the client. */
  hear(): Promise<unknown> {
    const message = this.#heard.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export class Server {
  readonly url: string;
  readonly paths: string[] = [];
  readonly #server: WebSocketServer;
  readonly #peers: Peer[] = [];
  readonly #waiting: ((peer: Peer) => void)[] = [];

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/ws`;
    server.on("connection", (socket, request) => {
      this.paths.push(request.url ?? "");
      const peer = new Peer(socket);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#peers.push(peer);
      else waiting(peer);
    });
  }

  static async start(): Promise<Server> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => "astrolabe.v1" });
    await new Promise((resolve) => server.once("listening", resolve));
    return new Server(server);
  }

  /** The next connection. */
  accept(): Promise<Peer> {
    const peer = this.#peers.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What a browser brings, which does not throw for errors that nobody listens to. */
class QuietWebSocket extends WebSocket {
  constructor(url: string, protocols: string) {
    super(url, protocols);
    this.on("error", () => {});
  }
}

export const BrowserWebSocket = QuietWebSocket as unknown as typeof globalThis.WebSocket;
