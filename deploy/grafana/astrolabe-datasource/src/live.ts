import { Change, ConnectionState, Filter, Graph, Probe, Problem, ServerState, StreamClient } from '@astrolabe/stream';
import { ListenedClient } from './shared';

/**
 * `changes`: of the latest message; none for the first snapshot.
 * `time`: when they happened, Unix milliseconds.
 * `state`: what the server last said about itself; missing while there is no connection.
 * `trouble`: why there is no connection, since `troubleSince`. The client keeps trying, unless it is `final`.
 * `problems`: as last told, for those who follow them. `unanswered`: why they are not of now.
 */
export interface Update {
  graph: Graph;
  changes: readonly Change[];
  time: number;
  state?: ServerState;
  trouble?: string;
  troubleSince?: number;
  final?: boolean;
  problems?: readonly Problem[];
  unanswered?: string;
}

/** What one client of the stream reports of the graph. */
export class LiveGraph extends ListenedClient<Update> {
  protected readonly client: StreamClient;
  private isEmpty = true;
  private state: ServerState | undefined;

  /** `url`: of the WebSocket. `probe`: finds out why it did not open. */
  constructor(url: string, filter: Filter, probe: Probe) {
    super();
    const listener = {
      onChange: (changes: readonly Change[], time: number) => this.changed(changes, time),
      onConnection: (connection: ConnectionState) => this.connectionChanged(connection),
      onServerState: (state: ServerState | null) => this.stateChanged(state ?? undefined),
    };
    // Grafana's proxy forwards WebSockets, so there is nothing to fall back from, and adds the token.
    this.client = new StreamClient(url, listener, { filter, probe, forwarded: true, serverSentEvents: false });
  }

  /** Without its changes: they were told. */
  protected override again(last: Update): Update {
    return { ...last, changes: [] };
  }

  private changed(changes: readonly Change[], time: number): void {
    const isFirst = this.isEmpty;
    this.isEmpty = false;
    this.tell({ changes: isFirst ? [] : changes, time });
  }

  private connectionChanged(connection: ConnectionState): void {
    const now = { changes: [], time: Date.now() };
    if (connection.state === 'disconnected') {
      this.tell({ ...now, trouble: connection.reason, troubleSince: connection.since });
    } else if (connection.state === 'refused') {
      this.tell({ ...now, trouble: connection.reason, troubleSince: now.time, final: true });
    }
  }

  private stateChanged(state: ServerState | undefined): void {
    this.state = state;
    const { graph } = this.client;
    if (state !== undefined && graph.position !== null && graph.complete) {
      this.tell({ changes: [], time: Date.now() });
    }
  }

  private tell(update: Omit<Update, 'graph' | 'state'>): void {
    this.send({ graph: this.client.graph, ...update, state: this.state });
  }
}
