import { Observable } from 'rxjs';
import { Filter, Follower, Update } from './follower';

/** Milliseconds for which a connection without a panel stays: a panel that asks again leaves first. */
const LINGER = 1000;

/** One connection a filter, shared by all panels that ask for it, and closed after the last of them. */
export class Followers {
  private readonly open = new Map<string, Follower>();

  constructor(private readonly make: (filter: Filter) => Follower) {}

  /** The updates of a part of the graph; completes after one that is final. */
  follow(filter: Filter): Observable<Update> {
    const key = JSON.stringify(filter);
    return new Observable((subscriber) => {
      const follower = this.open.get(key) ?? this.start(key, filter);
      const stop = follower.listen((update) => {
        if (update.final) {
          this.open.delete(key); // who asks again may have changed something
        }
        subscriber.next(update);
        if (update.final) {
          subscriber.complete();
        }
      });
      return () => {
        stop();
        setTimeout(() => this.leave(key, follower), LINGER);
      };
    });
  }

  private start(key: string, filter: Filter): Follower {
    const follower = this.make(filter);
    this.open.set(key, follower);
    follower.open();
    return follower;
  }

  private leave(key: string, follower: Follower): void {
    if (follower.deserted) {
      follower.close();
      if (this.open.get(key) === follower) {
        this.open.delete(key);
      }
    }
  }
}
