/** A client of the stream that holds the graph, over as many connections as it takes. */

import { type Access, headersWith, protocolsWith } from "./access";
import { Backoff } from "./backoff";
import {
  type Channel,
  type ChannelListener,
  type End,
  FINAL,
  LOST,
  OPENING,
  openSocket,
  UNAUTHORISED,
} from "./channel";
import type { Filter, Listener, Lock } from "./connection";
import { type Detour, type Finding, lookInto } from "./detour";
import { ProtocolError } from "./errors";
import { openEvents } from "./events";
import { Graph, type Position } from "./graph";
import { decode, type GraphMessage, type Hello, type Message, type Refusal } from "./message";
import { Trial } from "./trial";

const PROTOCOL = "astrolabe.v1";
/** Heartbeats without a message after which the server counts as dead. */
const DEAD_AFTER = 2.5;
/** Seconds: of a server that sends events without saying. */
const USUAL_HEARTBEAT = 30;
/** Handshakes that must fail alike before another way is taken: one may have met a server that just starts. */
const CONVINCING = 2;
/** Milliseconds after which a WebSocket is tried again beside the detour. */
const TRY_EVERY = 60_000;

/** For a server that lets everyone in. */
const OPEN: Access = { token: null, forget: () => {} };

/** A connection that is open (`opened`) or being opened. heard: whether the server has said something on it. */
interface Attempt {
  readonly way: "socket" | "events";
  channel: Channel;
  opened: boolean;
  heard: boolean;
}

/**
 * Follow a part of the graph of an Astrolabe.
 *
 * After a lost connection it resumes where it was, and after a reset what differs is told, so that the
 * changes add up to `graph` whatever happens. Whatever may get better by itself is waited for, with
 * `Backoff`; a refused filter and a close code of 4500-4999 are not. Whom the server does not let in waits
 * for another token.
 *
 * When no WebSocket comes through while the server answers by HTTP, the graph is followed by server-sent
 * events, and a WebSocket is tried every minute.
 */
export class Client {
  readonly graph = new Graph();
  readonly #url: URL;
  readonly #filter: Filter;
  readonly #listener: Listener;
  readonly #backoff: Backoff;
  readonly #access: Access;
  /** Of a WebSocket beside the events. */
  readonly #trial: Trial;
  #attempt: Attempt | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: number | null = null;
  /** What the server first called itself. */
  #server: string | null = null;
  /** Since when this connection is in step; null while it is not. */
  #inStep: number | null = null;
  #lostAt: number | null = null;
  /** The error before a close. */
  #said: Refusal | null = null;
  #waiting = false;
  /** Null while it is not known that the server wants another token. */
  #lock: Lock | null = null;
  #detour: Detour | null = null;
  /** Handshakes that have failed one after the other while the server answered by HTTP. */
  #unopened = 0;

  /** url: `ws(s)://…/api/v1/ws`. tryEvery: milliseconds. */
  constructor(
    url: string,
    filter: Filter,
    listener: Listener,
    access = OPEN,
    { backoff = new Backoff(), tryEvery = TRY_EVERY } = {},
  ) {
    this.#url = new URL(url);
    this.#url.search = "?subscribe=false";
    this.#access = access;
    this.#filter = filter;
    this.#listener = listener;
    this.#backoff = backoff;
    const socket = (listener: ChannelListener) => this.#openSocket(listener);
    this.#trial = new Trial(socket, tryEvery, (channel) => this.#changeOver(channel));
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
    this.#said = null;
    this.#heartbeat = null;
    if (this.#lock !== null) {
      this.#lock = { ...this.#lock, checking: true };
      this.#listener.connection(this.#lock);
    } else if (this.#lostAt === null) this.#listener.connection({ state: "connecting" });
    this.#attempt = this.#open(this.#detour === null ? "socket" : "events");
    this.#listen();
  }

  #open(way: Attempt["way"]): Attempt {
    const attempt = { way, opened: false, heard: false } as Attempt;
    const listener = this.#listenerFor(attempt);
    attempt.channel = way === "socket" ? this.#openSocket(listener) : this.#openEvents(listener);
    return attempt;
  }

  #openSocket(listener: ChannelListener): Channel {
    return openSocket(this.#url.href, protocolsWith(PROTOCOL, this.#access.token), listener);
  }

  #openEvents(listener: ChannelListener): Channel {
    const url = urlOfEvents(this.#url, this.#filter, this.graph.resume());
    return openEvents(url, headersWith(this.#access.token), listener);
  }

  /** What happens to a channel that was given up comes later and means nothing any more. */
  #listenerFor(attempt: Attempt): ChannelListener {
    const current = (handle: () => void) => {
      if (this.#attempt === attempt) handle();
    };
    return {
      opened: () => current(() => this.#opened(attempt)),
      heard: (data) => current(() => this.#hear(attempt, data)),
      ended: (end) => current(() => void this.#ended(attempt, end)),
    };
  }

  #opened(attempt: Attempt): void {
    const { way, channel } = attempt;
    attempt.opened = true;
    // A server that does not let in opens a WebSocket all the same, to say so: only its hello lets in.
    if (way === "events") this.#lock = null;
    if (way === "socket") channel.send(this.#subscribe());
    else this.#trial.later();
    this.#listener.detour(way === "socket" ? null : this.#detour);
    if (this.#lock === null) this.#listener.connection({ state: "catching-up" });
  }

  #subscribe(): unknown {
    const since = this.graph.resume();
    return { type: "subscribe", id: "default", filter: this.#filter, ...(since && { since }) };
  }

  /** Give the server up when nothing is heard for too long from now on. */
  #listen(): void {
    clearTimeout(this.#timer);
    const patience = this.#heartbeat === null ? OPENING : DEAD_AFTER * this.#heartbeat * 1000;
    const attempt = this.#attempt;
    this.#timer = setTimeout(() => {
      const end = { code: LOST, reason: `nothing heard for ${patience / 1000} s` };
      if (attempt !== null && this.#attempt === attempt) void this.#ended(attempt, end, !attempt.heard);
    }, patience);
  }

  #hear(attempt: Attempt, data: string): void {
    attempt.heard = true;
    if (attempt.way === "events") this.#heartbeat ??= USUAL_HEARTBEAT;
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
      case "state":
        this.#listener.state(message);
        break;
      case "error":
        // Without an id the close code that follows says what to do.
        if (message.id == null) this.#said = message;
        else this.#failed(message);
        break;
      case "pong":
        break;
      default:
        this.#apply(message);
    }
  }

  /** The subscription is not made. */
  #failed({ code, message }: Refusal): void {
    if (code === "duplicate-id") return; // it was asked for twice, and the first goes on
    if (code === "too-many-filters") this.#lost(message);
    else this.#refused(message, code);
  }

  #greet(hello: Hello): void {
    if (hello.protocol && hello.protocol !== PROTOCOL) {
      this.#refused(`the server speaks ${hello.protocol}, not ${PROTOCOL}`);
      return;
    }
    if (this.#lock !== null) {
      this.#lock = null;
      this.#listener.connection({ state: "catching-up" });
    }
    if (this.#attempt?.way === "socket") this.#unopened = 0;
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

  /** silent: whether it came to nothing, of which a browser does not say why. */
  async #ended(attempt: Attempt, end: End, silent = !attempt.opened): Promise<void> {
    let finding: Finding = "unknown";
    if (attempt.way === "socket" && silent) {
      const url = new URL(this.#url);
      url.protocol = url.protocol === "wss:" ? "https:" : "http:";
      finding = await lookInto(url.href, this.#access.token);
      if (this.#attempt !== attempt) return;
    }
    this.#closed(attempt, end, finding);
  }

  #closed({ way, heard }: Attempt, end: End, finding: Finding): void {
    const said = this.#said;
    if (end.code === UNAUTHORISED || said?.code === "unauthorised" || finding === "locked") {
      this.#locked();
    } else if (way === "socket" && said?.code === "forbidden-origin") {
      this.#turn("host", said.message);
    } else if (end.code >= FINAL && end.code < 5000) {
      this.#refused(said?.message || end.reason || `close code ${end.code}`, said?.code ?? end.error);
    } else if (finding === "upgrade") {
      this.#lock = null; // the token was good for the request
      this.#unopened += 1;
      this.#turn(this.#unopened < CONVINCING ? null : "upgrade", "no WebSocket comes through");
    } else {
      if (way === "events" && !heard) this.#detour = null;
      const how = end.code === LOST ? "the connection was lost" : `closed with code ${end.code}`;
      this.#lost(said?.message || end.reason || how);
    }
  }

  #turn(detour: Detour | null, reason: string): void {
    this.#detour = detour;
    this.#lost(reason);
  }

  /** From the events to a WebSocket that came through at last; whatever it says next is for the listener. */
  #changeOver(channel: Channel): ChannelListener {
    const attempt: Attempt = { way: "socket", channel, opened: false, heard: false };
    this.#inStep = null;
    this.#attempt?.channel.close();
    this.#attempt = attempt;
    this.#detour = null;
    this.#opened(attempt);
    return this.#listenerFor(attempt);
  }

  #refused(reason: string, error = ""): void {
    this.#drop();
    this.#listener.connection({ state: "refused", reason, error });
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
    this.#trial.end();
    this.#inStep = null;
    const attempt = this.#attempt;
    this.#attempt = null;
    attempt?.channel.close();
    this.#listener.state(null);
  }
}

/** stream: of the WebSocket. since: what is resumed from. */
function urlOfEvents(stream: URL, filter: Filter, since: Position | null): string {
  const url = new URL("events", stream);
  url.protocol = stream.protocol === "wss:" ? "https:" : "http:";
  for (const [name, value] of Object.entries(filter)) url.searchParams.set(name, String(value));
  if (since !== null) url.searchParams.set("since", `${since.epoch}:${since.seq}`);
  return url.href;
}
