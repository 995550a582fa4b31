/** A server of the stream on a port of its own, by a real WebSocket library, that says what a test tells it to. */

import { once } from "node:events";
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
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

/** The answer to one request for server-sent events. */
export class Reader {
  readonly response: ServerResponse;

  constructor(response: ServerResponse) {
    this.response = response;
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
    response.flushHeaders();
  }

  say(...messages: { type: string }[]): void {
    for (const message of messages) {
      this.response.write(`event: ${message.type}\nid: \ndata: ${JSON.stringify(message)}\n\n`);
    }
  }
}

/** tokens: of whom it lets in; null: everyone. upgrades: whether a proxy before it would pass handshakes on. */
export class Server {
  readonly url: string;
  tokens: ReadonlySet<string> | null = null;
  upgrades = true;
  /** What is answered to requests for server-sent events in place of a stream. */
  refusal: { status: number; body: string; type: string } | null = null;
  readonly paths: string[] = [];
  readonly #readers: Reader[] = [];
  readonly #expected: ((reader: Reader) => void)[] = [];
  readonly #http: HttpServer;
  readonly #server: WebSocketServer;
  readonly #peers: Peer[] = [];
  readonly #waiting: ((peer: Peer) => void)[] = [];

  private constructor(http: HttpServer) {
    this.#http = http;
    this.url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/api/v1/ws`;
    http.on("request", (request, response) => this.#answer(request, response));
    this.#server = new WebSocketServer({
      server: http,
      handleProtocols: () => "astrolabe.v1",
      verifyClient: ({ req }: { req: IncomingMessage }, decide: (lets: boolean, status?: number) => void) =>
        decide(this.upgrades && this.#admits(req), this.upgrades ? 401 : 426),
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

  /** The next reader of server-sent events. */
  acceptReader(): Promise<Reader> {
    const reader = this.#readers.shift();
    if (reader !== undefined) return Promise.resolve(reader);
    return new Promise((resolve) => this.#expected.push(resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#admits(request)) {
      response.writeHead(401).end();
    } else if (!request.url?.startsWith("/api/v1/events")) {
      response.writeHead(426).end();
    } else if (this.refusal !== null) {
      this.paths.push(request.url);
      response.writeHead(this.refusal.status, { "Content-Type": this.refusal.type }).end(this.refusal.body);
    } else {
      this.paths.push(request.url);
      const reader = new Reader(response);
      const expected = this.#expected.shift();
      if (expected === undefined) this.#readers.push(reader);
      else expected(reader);
    }
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
