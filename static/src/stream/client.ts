/** A client of the stream that holds the graph, over as many connections as it takes. */

import { type Access, isRefused, protocolsWith } from "./access";
import { Backoff } from "./backoff";
import { ProtocolError } from "./errors";
import { type Change, Graph } from "./graph";
import { decode, type GraphMessage, type Hello, type Message } from "./message";

const PROTOCOL = "astrolabe.v1";
/** Milliseconds for the handshake and the first message. */
const OPENING = 10_000;
/** Heartbeats without a message after which the server counts as dead. */
const DEAD_AFTER = 2.5;
/** Close codes from here to 4999: the server does not want this client back. */
const FINAL_CODES = 4500;
/** Close code: the token that was shown lets in no longer. */
const WITHDRAWN = 4501;
/** What a browser may close a connection with; 4000-4499 is ours to use. */
const GIVEN_UP = 4000;

/** As a subscribe message has it, and README, "API": `{"namespace": ["shop"], "q": "web"}`. */
export type Filter = Readonly<Record<string, readonly string[] | string>>;

/**
 * connecting: for the first time. catching-up: connected, and what is held may be old. live: what is held is
 * what the server has. disconnected: `since` (Unix milliseconds), tried again at `retry`.
 * refused: for good; `reason` says why. locked: until `retry` is called with another token; `checking` while
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
  | { readonly state: "refused"; readonly reason: string }
  | Lock;

export interface Lock {
  readonly state: "locked";
  readonly why: "needed" | "refused" | "withdrawn" | "unreachable";
  readonly checking: boolean;
}

/** For a server that lets everyone in. */
const OPEN: Access = { token: null, forget: () => {} };

export interface Listener {
  /** What the graph has just taken in; without changes when only its position moved. */
  changed(changes: readonly Change[]): void;
  connection(now: Connection): void;
  /** Another version of the server is there than at first. */
  updated(): void;
}

/**
 * Follow a part of the graph of an Astrolabe.
 *
 * After a lost connection it resumes where it was, and after a reset what differs is told, so that the
 * changes add up to `graph` whatever happens. Whatever may get better by itself is waited for, with
 * `Backoff`; a refused filter and a close code of 4500-4999 are not. Whom the server does not let in waits
 * for another token.
 */
export class Client {
  readonly graph = new Graph();
  readonly #url: string;
  readonly #filter: Filter;
  readonly #listener: Listener;
  readonly #backoff: Backoff;
  readonly #access: Access;
  readonly #health: string;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: number | null = null;
  /** What the server first called itself. */
  #server: string | null = null;
  /** Since when this connection is in step; null while it is not. */
  #inStep: number | null = null;
  #lostAt: number | null = null;
  /** The message of an error before a close. */
  #said = "";
  #waiting = false;
  /** Null while it is not known that the server wants another token. */
  #lock: Lock | null = null;

  /** url: `ws(s)://…/api/v1/ws`. */
  constructor(url: string, filter: Filter, listener: Listener, access = OPEN, backoff = new Backoff()) {
    const endpoint = new URL(url);
    endpoint.search = "?subscribe=false";
    this.#url = endpoint.href;
    const health = new URL("../../health", url);
    health.protocol = health.protocol === "wss:" ? "https:" : "http:";
    this.#health = health.href;
    this.#access = access;
    this.#filter = filter;
    this.#listener = listener;
    this.#backoff = backoff;
  }

  start(): void {
    this.#connect();
  }

  /** End for good; `graph` stays as it is. */
  stop(): void {
    this.#waiting = false;
    this.#drop();
  }

  /** Do not wait any longer: the network is said to be back, or there is another token. */
  retry(): void {
    const unlocks = this.#lock?.checking === false && this.#access.token !== null;
    if (this.#waiting || unlocks) this.#connect();
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#said = "";
    this.#heartbeat = null;
    if (this.#lock !== null) {
      this.#lock = { ...this.#lock, checking: true };
      this.#listener.connection(this.#lock);
    } else if (this.#lostAt === null) this.#listener.connection({ state: "connecting" });
    const socket = new WebSocket(this.#url, protocolsWith(PROTOCOL, this.#access.token));
    this.#socket = socket;
    let opened = false;
    // Events of a socket that was given up come later and mean nothing any more.
    const current = (handle: () => void) => () => {
      if (this.#socket === socket) handle();
    };
    socket.addEventListener(
      "open",
      current(() => {
        opened = true;
        this.#subscribe();
      }),
    );
    socket.addEventListener("message", (event) => current(() => this.#hear(String(event.data)))());
    socket.addEventListener("close", async (event) => {
      const refused = !opened && (await isRefused(this.#health, this.#access.token));
      current(() => (refused ? this.#locked() : this.#closed(event)))();
    });
    this.#listen();
  }

  #subscribe(): void {
    this.#lock = null;
    const since = this.graph.resume();
    const message = { type: "subscribe", id: "default", filter: this.#filter, ...(since && { since }) };
    this.#socket?.send(JSON.stringify(message));
    this.#listener.connection({ state: "catching-up" });
  }

  /** Give the server up when nothing is heard for too long from now on. */
  #listen(): void {
    clearTimeout(this.#timer);
    const patience = this.#heartbeat === null ? OPENING : DEAD_AFTER * this.#heartbeat * 1000;
    this.#timer = setTimeout(() => this.#lost(`nothing heard for ${patience / 1000} s`), patience);
  }

  #hear(data: string): void {
    this.#listen();
    try {
      const message = decode(data);
      if (message !== null) this.#take(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#violated(error);
    }
  }

  #take(message: Message): void {
    switch (message.type) {
      case "hello":
        this.#greet(message);
        break;
      case "error":
        if (message.id != null) this.#refused(message.message);
        else this.#said = message.message; // the close code that follows says what to do
        break;
      case "pong":
        break;
      default:
        this.#apply(message);
    }
  }

  #greet(hello: Hello): void {
    if (hello.protocol && hello.protocol !== PROTOCOL) {
      this.#refused(`the server speaks ${hello.protocol}, not ${PROTOCOL}`);
      return;
    }
    this.#heartbeat = hello.heartbeat;
    this.#server ??= hello.server ?? null;
    if (this.#server !== (hello.server ?? null)) this.#listener.updated();
    this.#listen();
  }

  #apply(message: GraphMessage): void {
    const changes = this.graph.apply(message);
    if (!this.graph.complete) {
      this.#inStep = null;
      this.#listener.connection({ state: "catching-up" });
      return;
    }
    if (this.#inStep === null) {
      this.#inStep = Date.now();
      this.#lostAt = null;
      this.#listener.connection({ state: "live" });
    }
    this.#listener.changed(changes);
  }

  #violated(error: ProtocolError): void {
    if (this.#heartbeat === null) {
      this.#refused(`this is no Astrolabe: ${error.message}`);
      return;
    }
    this.graph.restart();
    this.#lost(`the server broke the contract: ${error.message}`);
  }

  #closed(event: CloseEvent): void {
    if (event.code === WITHDRAWN) {
      this.#locked();
      return;
    }
    if (event.code >= FINAL_CODES && event.code < 5000) {
      this.#refused(this.#said || event.reason || `close code ${event.code}`);
      return;
    }
    const how = event.code === 1006 ? "the connection was lost" : `closed with code ${event.code}`;
    this.#lost(this.#said || event.reason || how);
  }

  #refused(reason: string): void {
    this.#drop();
    this.#listener.connection({ state: "refused", reason });
  }

  /** Wait for another token. One that was not just given has been good before. */
  #locked(): void {
    const given = this.#lock === null ? "withdrawn" : "refused";
    this.#lockFor(this.#access.token === null ? "needed" : given);
  }

  #lockFor(why: Lock["why"]): void {
    this.#access.forget();
    this.#drop();
    this.#lock = { state: "locked", why, checking: false };
    this.#listener.connection(this.#lock);
  }

  #lost(reason: string): void {
    if (this.#lock !== null) {
      this.#lockFor("unreachable");
      return;
    }
    const now = Date.now();
    const delay = this.#backoff.delay(this.#inStep === null ? 0 : now - this.#inStep);
    this.#drop();
    this.#lostAt ??= now;
    this.#waiting = true;
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#listener.connection({ state: "disconnected", since: this.#lostAt, retry: now + delay, reason });
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#inStep = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(GIVEN_UP);
  }
}
