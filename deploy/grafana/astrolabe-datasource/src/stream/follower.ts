import { Backoff } from './backoff';
import { Graph, NodeChange } from './graph';
import { decode, Message, ProtocolError, Refusal } from './message';
import { ServerState } from './state';

/** As a subscribe message has it. */
export interface Filter {
  namespace?: string[];
  release?: string[];
  kind?: string[];
  status?: string[];
  selector?: string;
  q?: string;
}

/**
 * What is the case now.
 *
 * `graph`: what is held, also while disconnected. `changes`: what the latest message changed of its nodes; the first
 * snapshot changes nothing.
 * `time`: when that happened, in milliseconds since 1970.
 * `state`: what the server says of its graph; missing while it says nothing.
 * `trouble`: why there is no connection, since `troubleSince`; it is tried again unless `final`.
 */
export interface Update {
  graph: Graph;
  changes: NodeChange[];
  time: number;
  state?: ServerState;
  trouble?: string;
  troubleSince?: number;
  final?: boolean;
}

export type Listener = (update: Update) => void;

/** Milliseconds for the handshake and the first message. */
const OPENING = 10_000;
/** Heartbeats without a message after which the server counts as dead. */
const DEAD_AFTER = 2.5;
const SUBSCRIPTION = 'grafana';

/**
 * Follows a part of the graph over as many connections as it takes: resumes where it was, begins anew when it
 * must, and says what is wrong meanwhile. Ends only by `close`, or when coming back cannot help: a filter that
 * is refused, a close code of 4500-4999.
 */
export class Follower {
  private readonly graph = new Graph();
  private readonly backoff = new Backoff();
  private readonly listeners = new Set<Listener>();
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private patience = OPENING;
  /** Whether this connection has brought a hello. */
  private greeted = false;
  private inStep = 0;
  private said = '';
  private state: ServerState | undefined;
  private last: Update = { graph: this.graph, changes: [], time: 0 };
  private closed = false;

  /**
   * `probe`: what plain HTTP says of the server, for a handshake that failed, of which a browser tells nothing;
   * undefined when that is fine.
   */
  constructor(
    private readonly url: string,
    private readonly filter: Filter,
    private readonly probe: () => Promise<string | undefined>
  ) {}

  /** Hear of every update from now on, and at once of what is known; returns how to stop. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    if (this.graph.position !== null || this.last.trouble !== undefined) {
      listener({ ...this.last, changes: [] });
    }
    return () => {
      this.listeners.delete(listener);
    };
  }

  get deserted(): boolean {
    return this.listeners.size === 0;
  }

  open(): void {
    this.said = '';
    this.patience = OPENING;
    this.greeted = false;
    const socket = new WebSocket(this.url, 'astrolabe.v1');
    this.socket = socket;
    socket.onopen = () => this.subscribe(socket);
    socket.onmessage = (event) => this.hear(String(event.data));
    socket.onclose = (event) => this.lose(event.code, event.reason);
    this.await();
  }

  /** End for good. */
  close(): void {
    this.closed = true;
    this.cut();
  }

  private subscribe(socket: WebSocket): void {
    const since = this.graph.resume();
    const message = { type: 'subscribe', id: SUBSCRIPTION, filter: this.filter };
    socket.send(JSON.stringify(since ? { ...message, since } : message));
  }

  private hear(text: string): void {
    this.await();
    try {
      const message = decode(text);
      if (message !== null) {
        this.take(message);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.graph.restart();
      this.retry(`Astrolabe breaks the contract of the stream: ${error.message}`);
    }
  }

  private take(message: Message): void {
    switch (message.type) {
      case 'hello':
        this.greeted = true;
        this.patience = message.heartbeat * 1000 * DEAD_AFTER;
        this.await();
        break;
      case 'state':
        this.state = message;
        if (this.graph.position !== null && this.graph.complete) {
          this.tell({ changes: [], time: Date.now() });
        }
        break;
      case 'error':
        this.hearOf(message);
        break;
      default: {
        const isFirst = this.graph.position === null;
        const changes = this.graph.apply(message);
        if (this.graph.complete) {
          this.inStep = this.inStep || Date.now();
          this.tell({
            changes: isFirst ? [] : changes,
            time: (message.type === 'delta' && message.time) || Date.now(),
          });
        }
      }
    }
  }

  private hearOf({ id, code, message }: Refusal): void {
    if (id === undefined) {
      this.said = message; // the close code that follows says what to do
    } else if (code === 'too-many-filters') {
      this.retry(message);
    } else if (code !== 'duplicate-id') {
      this.give(message); // of a duplicate the first goes on
    }
  }

  private lose(code: number, reason: string): void {
    const why = this.said || reason || `connection lost (close code ${code})`;
    if (code >= 4500 && code < 5000) {
      this.give(why);
    } else if (this.greeted || this.said !== '') {
      this.retry(why);
    } else {
      this.lookInto(why);
    }
  }

  /** The handshake failed, or there was no hello. */
  private lookInto(why: string): void {
    this.cut();
    this.probe()
      .catch(() => undefined)
      .then((found) => this.retry(found ?? why));
  }

  private retry(why: string): void {
    if (this.closed) {
      return;
    }
    this.cut();
    const healthy = this.inStep ? Date.now() - this.inStep : 0;
    this.inStep = 0;
    this.timer = setTimeout(() => this.open(), this.backoff.delay(healthy));
    this.tell({ changes: [], time: Date.now(), trouble: why, troubleSince: this.last.troubleSince ?? Date.now() });
  }

  private give(why: string): void {
    this.cut();
    this.tell({ changes: [], time: Date.now(), trouble: why, troubleSince: Date.now(), final: true });
  }

  private tell(update: Omit<Update, 'graph' | 'state'>): void {
    this.last = { graph: this.graph, ...update, state: this.state };
    [...this.listeners].forEach((listener) => listener(this.last));
  }

  /** The next sign of life must come in time. */
  private await(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const why = `nothing heard for ${Math.round(this.patience / 1000)} s`;
      return this.greeted ? this.retry(why) : this.lookInto(why);
    }, this.patience);
  }

  private cut(): void {
    clearTimeout(this.timer);
    this.state = undefined;
    const socket = this.socket;
    this.socket = null;
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }
}
