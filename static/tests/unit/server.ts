/** A server of the stream on a port of its own, by a real WebSocket library, that says what a test tells it to. */

import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage } from "node:http";
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

/** tokens: of whom it lets in; null: everyone. */
export class Server {
  readonly url: string;
  tokens: ReadonlySet<string> | null = null;
  readonly paths: string[] = [];
  readonly #http: HttpServer;
  readonly #server: WebSocketServer;
  readonly #peers: Peer[] = [];
  readonly #waiting: ((peer: Peer) => void)[] = [];

  private constructor(http: HttpServer) {
    this.#http = http;
    this.url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/api/v1/ws`;
    http.on("request", (request, response) => response.writeHead(this.#admits(request) ? 200 : 401).end());
    this.#server = new WebSocketServer({
      server: http,
      handleProtocols: () => "astrolabe.v1",
      verifyClient: ({ req }: { req: IncomingMessage }) => this.#admits(req),
    });
    this.#server.on("connection", (socket, request) => {
      this.paths.push(request.url ?? "");
      const peer = new Peer(socket);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#peers.push(peer);
      else waiting(peer);
    });
  }

  static async start(): Promise<Server> {
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    return new Server(http);
  }

  /** The next connection. */
  accept(): Promise<Peer> {
    const peer = this.#peers.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #admits(request: IncomingMessage): boolean {
    return this.tokens === null || [...shownBy(request)].some((token) => this.tokens?.has(token));
  }
}

/** The tokens in a request, by header or by subprotocol. */
function* shownBy({ headers }: IncomingMessage): Iterable<string> {
  const [, bearer] = /^Bearer (.*)$/.exec(headers.authorization ?? "") ?? [];
  if (bearer !== undefined) yield Buffer.from(bearer, "latin1").toString();
  const [, offered] =
    /, ?base64url\.bearer\.authorization\.k8s\.io\.(\S+)/.exec(headers["sec-websocket-protocol"] ?? "") ?? [];
  if (offered !== undefined) yield Buffer.from(offered, "base64url").toString();
}

/** What a browser brings, which does not throw for errors that nobody listens to. */
class QuietWebSocket extends WebSocket {
  constructor(url: string, protocols: string | string[]) {
    super(url, protocols);
    this.on("error", () => {});
  }
}

export const BrowserWebSocket = QuietWebSocket as unknown as typeof globalThis.WebSocket;
