import { Observable } from 'rxjs';

/** Milliseconds for which a connection without a panel stays open: a panel that refreshes leaves before it comes back. */
const LINGER = 1000;

/** A connection that any number of panels listen to. */
export interface Connection<Update> {
  /** The listener gets all further updates, and at once the last one. Returns how to stop. */
  listen(listener: (update: Update) => void): () => void;
  readonly isUnused: boolean;
  start(): void;
  stop(): void;
}

/** A client of the stream that tells any number of listeners what it reports. */
export abstract class ListenedClient<Update> implements Connection<Update> {
  protected abstract readonly client: { start(): void; stop(): void };
  protected last: Update | undefined;
  private readonly listeners = new Set<(update: Update) => void>();

  listen(listener: (update: Update) => void): () => void {
    this.listeners.add(listener);
    if (this.last !== undefined) {
      listener(this.again(this.last));
    }
    return () => {
      this.listeners.delete(listener);
    };
  }

  get isUnused(): boolean {
    return this.listeners.size === 0;
  }

  start(): void {
    this.client.start();
  }

  stop(): void {
    this.client.stop();
  }

  /** The last update, for who comes later. */
  protected again(last: Update): Update {
    return last;
  }

  protected send(update: Update): void {
    this.last = update;
    [...this.listeners].forEach((listener) => listener(update));
  }
}

/** One connection for each key, shared by all panels that use it and closed after the last of them. */
export class SharedConnections<Key, Update extends { final?: boolean }> {
  private readonly open = new Map<string, Connection<Update>>();

  constructor(private readonly make: (key: Key) => Connection<Update>) {}

  /** The updates for a key; completes after a final one. */
  follow(asked: Key): Observable<Update> {
    const key = JSON.stringify(asked);
    return new Observable((subscriber) => {
      const connection = this.open.get(key) ?? this.start(key, asked);
      const stop = connection.listen((update) => {
        if (update.final) {
          this.open.delete(key); // The next panel to ask tries again: the cause may be gone.
        }
        subscriber.next(update);
        if (update.final) {
          subscriber.complete();
        }
      });
      return () => {
        stop();
        setTimeout(() => this.leave(key, connection), LINGER);
      };
    });
  }

  private start(key: string, asked: Key): Connection<Update> {
    const connection = this.make(asked);
    this.open.set(key, connection);
    connection.start();
    return connection;
  }

  private leave(key: string, connection: Connection<Update>): void {
    if (connection.isUnused) {
      connection.stop();
      if (this.open.get(key) === connection) {
        this.open.delete(key);
      }
    }
  }
}
