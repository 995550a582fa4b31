import { ConnectionState, Filter, inOrder, Probe, Problem, ProblemClient } from '@astrolabe/stream';
import { Observable } from 'rxjs';
import { Update } from './live';
import { ListenedClient } from './shared';
import { AstrolabeQuery } from './types';

/** What is followed. `detail`: whether each problem also names what it affects. */
export interface AskedProblems {
  filter: Filter;
  detail: boolean;
}

/** `problems`: as last told, in no order. `unanswered`: why they are not of now; `final`: and will not be. */
export interface ProblemUpdate {
  problems?: readonly Problem[];
  unanswered?: string;
  final?: boolean;
}

/** What a query's problems are of. The statuses choose among them: in the filter, they would hide causes. */
export function askedBy(query: AstrolabeQuery, filter: Filter): AskedProblems {
  return { filter, detail: query.queryType !== 'problems' };
}

/** The problems that last, of these statuses, in the order of the query; of all statuses, if there are none. */
export function chosen(
  problems: readonly Problem[],
  { sort }: Pick<AstrolabeQuery, 'sort'>,
  statuses: readonly string[]
): Problem[] {
  const isSought = (status: string) => statuses.length === 0 || statuses.includes(status);
  return inOrder(
    problems.filter(({ ended, status }) => ended === undefined && isSought(status)),
    sort
  );
}

/** What one client of the stream reports of problems. */
export class LiveProblems extends ListenedClient<ProblemUpdate> {
  protected readonly client: ProblemClient;

  /** `url`: of the WebSocket. `probe`: finds out why it did not open. */
  constructor(url: string, { filter, detail }: AskedProblems, probe: Probe) {
    super();
    const listener = {
      onChange: () => this.send({ problems: [...this.client.problems.byId.values()] }),
      onConnection: (connection: ConnectionState) => this.connectionChanged(connection),
    };
    // Grafana's proxy forwards WebSockets, so there is nothing to fall back from, and adds the token.
    const options = { probe, forwarded: true, serverSentEvents: false };
    this.client = new ProblemClient(url, listener, { filter, detail, ...options });
  }

  private connectionChanged(connection: ConnectionState): void {
    if (connection.state === 'disconnected' || connection.state === 'refused') {
      const { problems } = this.last ?? {};
      this.send({
        ...(problems && { problems }),
        unanswered: connection.reason,
        ...(connection.state === 'refused' && { final: true }),
      });
    }
  }
}

/**
 * The updates of a part of the graph with its problems.
 *
 * Nothing is told before the first problems are, but trouble. `choose`: what is shown of them.
 */
export function withProblems(
  updates: Observable<Update>,
  problems: Observable<ProblemUpdate>,
  choose: (problems: readonly Problem[]) => Problem[]
): Observable<Update> {
  return new Observable((subscriber) => {
    let latest: Update | undefined;
    let told: Pick<Update, 'problems' | 'unanswered'> | undefined;
    const followed = updates.subscribe({
      next: (update) => {
        latest = update;
        if (update.trouble !== undefined || told !== undefined) {
          subscriber.next({ ...update, ...told });
        }
      },
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    // When they end, the graph goes on: the reason stays beside what was told last.
    const listened = problems.subscribe(({ problems: found, unanswered }) => {
      told = { ...(found && { problems: choose(found) }), ...(unanswered !== undefined && { unanswered }) };
      if (latest !== undefined) {
        subscriber.next({ ...latest, changes: [], ...told });
      }
    });
    return () => {
      followed.unsubscribe();
      listened.unsubscribe();
    };
  });
}
