/** Keeps one subscription up to date over as many connections as that takes. */

import { Backoff } from "./backoff";
import type { Filter, SignInRequired, StreamListener } from "./connection";
import { bearerHeaders, type Credentials, subprotocols } from "./credentials";
import { type Delta, decode, type ErrorMessage, type Hello, type Message } from "./messages";
import { type FallbackReason, type Probe, type ProbeResult, probeOverHttp } from "./probe";
import type { Replica } from "./progress";
import { ProtocolError } from "./protocol-error";
import { openEventStream } from "./server-sent-events";
import {
  ABNORMAL_CLOSURE,
  type Closure,
  CONNECT_TIMEOUT,
  FIRST_FINAL_CODE,
  openWebSocket,
  RIGHTS_CHANGED,
  type Transport,
  type TransportListener,
  UNAUTHORISED,
} from "./transport";
import { WebSocketRetry } from "./websocket-retry";

const PROTOCOL = "astrolabe.v1";
/** Heartbeats without a message after which the server counts as dead. */
const MISSED_HEARTBEATS = 2.5;
/** Seconds, for server-sent events of an older server, which begin without a hello. */
const DEFAULT_HEARTBEAT = 30;
/** Failed handshakes before server-sent events are used: one may have met a server that was starting. */
const FAILED_HANDSHAKES = 2;
/** Milliseconds between attempts to get from server-sent events back to a WebSocket. */
const RETRY_WEBSOCKET_EVERY = 60_000;

/**
 * filter: what to follow; everything by default.
 * detail: whether problems also name what they affect.
 * credentials: the token to send. Without them a server that asks for a token is a final refusal.
 * forwarded: whether a proxy adds a token of its own to each connection. When that expires, it may have another one, so
 * the client comes back.
 * serverSentEvents: whether to use them when no WebSocket gets through.
 * probe: finds out why a WebSocket did not open.
 * retryWebSocketEvery: milliseconds.
 */
export interface FollowOptions {
  readonly filter?: Filter;
  readonly detail?: boolean;
  readonly credentials?: Credentials;
  readonly forwarded?: boolean;
  readonly serverSentEvents?: boolean;
  readonly probe?: Probe;
  readonly backoff?: Backoff;
  readonly retryWebSocketEvery?: number;
}

/** A connection that is open (`opened`) or being opened. heard: whether the server has sent something on it. */
interface Attempt {
  readonly by: "websocket" | "events";
  transport: Transport;
  opened: boolean;
  heard: boolean;
}

/**
 * Brings a replica up to date, and keeps it so.
 *
 * After a lost connection the client resumes from its position. After a reset it reports only what differs. So the
 * reported changes always add up to the replica. The client keeps trying, with `Backoff`, unless trying cannot help: a
 * rejected filter or a close code of 4500-4999. With `credentials`, it waits for another token when the server wants
 * one.
 *
 * When the server answers over HTTP but no WebSocket gets through, the client uses server-sent events and tries a
 * WebSocket every minute.
 */
export class Follower<Told extends { readonly type: string }, Change> {
  readonly #url: URL;
  readonly #replica: Replica<Told, Change>;
  readonly #listener: StreamListener<Change>;
  readonly #filter: Filter;
  readonly #detail: boolean;
  readonly #credentials: Credentials | null;
  readonly #forwarded: boolean;
  readonly #serverSentEvents: boolean;
  readonly #probe: Probe;
  readonly #backoff: Backoff;
  readonly #websocketRetry: WebSocketRetry;
  #attempt: Attempt | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Seconds; null until the server has said hello. */
  #heartbeat: number | null = null;
  /** The name and version that the server first gave. */
  #server: string | null = null;
  /** Unix milliseconds since which the replica has been live; null while it is not. */
  #liveSince: number | null = null;
  #disconnectedSince: number | null = null;
  /** The error message that came before a close. */
  #error: ErrorMessage | null = null;
  /** Whether the backoff timer is running. */
  #isWaiting = false;
  #signIn: SignInRequired | null = null;
  #fallback: FallbackReason | null = null;
  /** Consecutive WebSocket handshakes that failed while the server answered over HTTP. */
  #failedHandshakes = 0;

  /** url: `ws(s)://…/api/v1/ws`. */
  constructor(
    url: string,
    replica: Replica<Told, Change>,
    listener: StreamListener<Change>,
    options: FollowOptions,
  ) {
    this.#url = new URL(url);
    this.#url.search = "?subscribe=false";
    this.#replica = replica;
    this.#listener = listener;
    this.#filter = options.filter ?? {};
    this.#detail = options.detail ?? false;
    this.#credentials = options.credentials ?? null;
    this.#forwarded = options.forwarded ?? false;
    this.#serverSentEvents = options.serverSentEvents ?? true;
    this.#probe = options.probe ?? probeOverHttp;
    this.#backoff = options.backoff ?? new Backoff();
    this.#websocketRetry = new WebSocketRetry({
      open: (listener) => this.#openWebSocket(listener),
      interval: options.retryWebSocketEvery ?? RETRY_WEBSOCKET_EVERY,
      greeted: (transport) => this.#switchToWebSocket(transport),
    });
  }

  start(): void {
    this.#connect();
  }

  /** Disconnects for good. What is held stays as it is. */
  stop(): void {
    this.#isWaiting = false;
    this.#disconnect();
  }

  /** Connects now instead of waiting: the network is back, or the credentials have another token. */
  retry(): void {
    const hasNewToken = this.#signIn?.checking === false && this.#token !== null;
    if (this.#isWaiting || hasNewToken) this.#connect();
  }

  get #token(): string | null {
    return this.#credentials?.token ?? null;
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#isWaiting = false;
    this.#error = null;
    this.#heartbeat = null;
    if (this.#signIn !== null) {
      this.#signIn = { ...this.#signIn, checking: true };
      this.#listener.onConnection(this.#signIn);
    } else if (this.#disconnectedSince === null) this.#listener.onConnection({ state: "connecting" });
    this.#attempt = this.#open(this.#fallback === null ? "websocket" : "events");
    this.#expectMessage();
  }

  #open(by: Attempt["by"]): Attempt {
    const attempt = { by, opened: false, heard: false } as Attempt;
    const listener = this.#listenerFor(attempt);
    attempt.transport = by === "websocket" ? this.#openWebSocket(listener) : this.#openEventStream(listener);
    return attempt;
  }

  #openWebSocket(listener: TransportListener): Transport {
    return openWebSocket(this.#url.href, subprotocols(PROTOCOL, this.#token), listener);
  }

  #openEventStream(listener: TransportListener): Transport {
    const since = this.#replica.resume();
    const params = {
      ...this.#filter,
      ...this.#subject,
      ...(since && { since: `${since.epoch}:${since.seq}` }),
    };
    return openEventStream(eventStreamUrl(this.#url, params), bearerHeaders(this.#token), listener);
  }

  /** Events of a transport that was dropped may still arrive; they are ignored. */
  #listenerFor(attempt: Attempt): TransportListener {
    const ifCurrent = (handle: () => void) => {
      if (this.#attempt === attempt) handle();
    };
    return {
      opened: () => ifCurrent(() => this.#opened(attempt)),
      received: (data) => ifCurrent(() => this.#received(attempt, data)),
      closed: (closure) => ifCurrent(() => void this.#diagnose(attempt, closure)),
    };
  }

  #opened(attempt: Attempt): void {
    const { by, transport } = attempt;
    attempt.opened = true;
    // A server that rejects the token still opens a WebSocket, to say so: only its hello means that we are in.
    if (by === "events") this.#signIn = null;
    if (by === "websocket") transport.send(this.#subscribeMessage());
    else this.#websocketRetry.schedule();
    this.#listener.onFallback?.(by === "websocket" ? null : this.#fallback);
    if (this.#signIn === null) this.#listener.onConnection({ state: "catching-up" });
  }

  #subscribeMessage(): unknown {
    const since = this.#replica.resume();
    const asked = { type: "subscribe", id: "default", ...this.#subject, filter: this.#filter };
    return { ...asked, ...(since && { since }) };
  }

  /** Nothing is said of the graph: a server that knows nothing else would refuse the keys. */
  get #subject(): Readonly<Record<string, unknown>> {
    const { what, subject } = this.#replica;
    if (what === "graph") return {};
    return { what, ...subject, ...(this.#detail && { detail: true }) };
  }

  /** Tells the server on a WebSocket that is open. Returns whether there is one; else the subject has to tell it. */
  protected tell(message: unknown): boolean {
    const attempt = this.#attempt;
    if (attempt?.by !== "websocket" || !attempt.opened) return false;
    attempt.transport.send(message);
    return true;
  }

  /** Subscribes anew, from the position that is held: what is followed has become another. */
  protected resubscribe(): void {
    if (this.#attempt === null) return;
    this.#disconnect();
    this.#connect();
  }

  /** From now on, the server counts as dead when nothing comes for too long. */
  #expectMessage(): void {
    clearTimeout(this.#timer);
    const timeout = this.#heartbeat === null ? CONNECT_TIMEOUT : MISSED_HEARTBEATS * this.#heartbeat * 1000;
    const attempt = this.#attempt;
    this.#timer = setTimeout(() => {
      const closure = { code: ABNORMAL_CLOSURE, reason: `nothing received for ${timeout / 1000} s` };
      if (attempt !== null && this.#attempt === attempt)
        void this.#diagnose(attempt, closure, !attempt.heard);
    }, timeout);
  }

  #received(attempt: Attempt, data: string): void {
    attempt.heard = true;
    if (attempt.by === "events") this.#heartbeat ??= DEFAULT_HEARTBEAT;
    this.#expectMessage();
    try {
      const message = decode(data);
      if (message !== null) this.#handle(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#violated(error);
    }
  }

  #handle(message: Message): void {
    switch (message.type) {
      case "hello":
        this.#greeted(message);
        break;
      case "state":
        this.#listener.onServerState?.(message);
        break;
      case "error":
        // Without an id a close follows, and its code says what to do.
        if (message.id == null) this.#error = message;
        else this.#subscriptionFailed(message);
        break;
      case "pong":
        break;
      default:
        if (this.#replica.takes(message)) this.#apply(message);
    }
  }

  #subscriptionFailed({ code, message }: ErrorMessage): void {
    if (code === "duplicate-id") return; // Two requests were sent; the first subscription continues.
    if (code === "too-many-filters") this.#lost(message);
    else this.#refused(message, code);
  }

  #greeted(hello: Hello): void {
    if (hello.protocol && hello.protocol !== PROTOCOL) {
      this.#refused(`the server speaks ${hello.protocol}, not ${PROTOCOL}`);
      return;
    }
    if (this.#signIn !== null) {
      this.#signIn = null;
      this.#listener.onConnection({ state: "catching-up" });
    }
    if (this.#attempt?.by === "websocket") this.#failedHandshakes = 0;
    this.#heartbeat = hello.heartbeat;
    this.#server ??= hello.server ?? null;
    if (this.#server !== (hello.server ?? null)) this.#listener.onServerUpdate?.();
    this.#expectMessage();
  }

  #apply(message: Told & Partial<Pick<Delta, "time">>): void {
    const changes = this.#replica.apply(message);
    if (!this.#replica.complete) {
      this.#liveSince = null;
      this.#listener.onConnection({ state: "catching-up" });
      return;
    }
    if (this.#liveSince === null) {
      this.#liveSince = Date.now();
      this.#disconnectedSince = null;
      this.#listener.onConnection({ state: "live" });
    }
    this.#listener.onChange(changes, message.time ?? Date.now());
  }

  #violated(error: ProtocolError): void {
    if (this.#heartbeat === null) {
      this.#refused(`this is not an Astrolabe server: ${error.message}`);
      return;
    }
    this.#replica.restart();
    this.#lost(`the server violated the protocol: ${error.message}`);
  }

  /** isSilent: whether the connection failed in a way that a browser does not explain. */
  async #diagnose(attempt: Attempt, closure: Closure, isSilent = !attempt.opened): Promise<void> {
    let result: ProbeResult = { found: "unknown" };
    if (attempt.by === "websocket" && isSilent) {
      const url = new URL(this.#url);
      url.protocol = url.protocol === "wss:" ? "https:" : "http:";
      result = await this.#probe(url.href, this.#token);
      if (this.#attempt !== attempt) return;
    }
    if (closure.code === RIGHTS_CHANGED || this.#error?.code === "rights-changed") this.#comeBack();
    else this.#closed(attempt, closure, result);
  }

  /** Nothing failed: it connects at once. Only if nothing was received since the last time, it waits. */
  #comeBack(): void {
    if (this.#liveSince === null) {
      this.#lost("what you may see has changed");
      return;
    }
    this.#disconnect();
    this.#connect();
  }

  #closed(
    { by, heard }: Attempt,
    { code, reason, error }: Closure,
    { found, reason: known }: ProbeResult,
  ): void {
    const said = this.#error;
    if (code === UNAUTHORISED || said?.code === "unauthorised" || found === "unauthorised") {
      this.#unauthorised(said?.message || reason);
    } else if (by === "websocket" && said?.code === "forbidden-origin" && this.#serverSentEvents) {
      this.#reconnect("host", said.message);
    } else if (code >= FIRST_FINAL_CODE && code < 5000) {
      this.#refused(said?.message || reason || `close code ${code}`, said?.code ?? error);
    } else if (found === "no-upgrade") {
      this.#signIn = null; // The request was let in, so the token is good.
      this.#failedHandshakes += 1;
      const falls = this.#serverSentEvents && this.#failedHandshakes >= FAILED_HANDSHAKES;
      this.#reconnect(falls ? "upgrade" : null, "no WebSocket gets through");
    } else {
      if (by === "events" && !heard) this.#fallback = null;
      const how = code === ABNORMAL_CLOSURE ? "the connection was lost" : `closed with code ${code}`;
      this.#lost(said?.message || known || reason || how, said !== null);
    }
  }

  #reconnect(fallback: FallbackReason | null, reason: string): void {
    this.#fallback = fallback;
    this.#lost(reason);
  }

  /** The returned listener gets what else the server says on this WebSocket. */
  #switchToWebSocket(transport: Transport): TransportListener {
    const attempt: Attempt = { by: "websocket", transport, opened: false, heard: false };
    this.#liveSince = null;
    this.#attempt?.transport.close();
    this.#attempt = attempt;
    this.#fallback = null;
    this.#opened(attempt);
    return this.#listenerFor(attempt);
  }

  #refused(reason: string, error = ""): void {
    this.#disconnect();
    this.#listener.onConnection({ state: "refused", reason, error });
  }

  #unauthorised(reason: string): void {
    if (this.#forwarded) {
      this.#lost(reason || "the token is not accepted");
      return;
    }
    if (this.#credentials === null) {
      this.#refused(reason || "the server asks for a token", "unauthorised");
      return;
    }
    // A token that was not just entered has been valid before.
    const rejected = this.#signIn === null ? "withdrawn" : "refused";
    this.#requireSignIn(this.#token === null ? "needed" : rejected);
  }

  #requireSignIn(why: SignInRequired["why"], reason = ""): void {
    this.#credentials?.forget();
    this.#disconnect();
    this.#signIn = { state: "locked", why, checking: false, ...(reason && { reason }) };
    this.#listener.onConnection(this.#signIn);
  }

  /** isSaid: whether the server said why. */
  #lost(reason: string, isSaid = false): void {
    if (this.#signIn !== null) {
      this.#requireSignIn("unreachable", isSaid ? reason : "");
      return;
    }
    const now = Date.now();
    const delay = this.#backoff.delay(this.#liveSince === null ? 0 : now - this.#liveSince);
    this.#disconnect();
    this.#disconnectedSince ??= now;
    this.#isWaiting = true;
    this.#timer = setTimeout(() => this.#connect(), delay);
    const since = this.#disconnectedSince;
    this.#listener.onConnection({ state: "disconnected", since, retry: now + delay, reason });
  }

  #disconnect(): void {
    clearTimeout(this.#timer);
    this.#websocketRetry.stop();
    this.#liveSince = null;
    const attempt = this.#attempt;
    this.#attempt = null;
    attempt?.transport.close();
    this.#listener.onServerState?.(null);
  }
}

/** stream: the URL of the WebSocket. */
function eventStreamUrl(stream: URL, params: Readonly<Record<string, unknown>>): string {
  const url = new URL("events", stream);
  url.protocol = stream.protocol === "wss:" ? "https:" : "http:";
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}
