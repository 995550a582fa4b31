import { Filter, Problem } from '@astrolabe/stream';
import { clamp, mapValues } from 'lodash';
import { Observable, Subject } from 'rxjs';
import { Update } from './live';
import { pace } from './pace';
import { AstrolabeQuery, LIMITS } from './types';

/** Milliseconds between two questions while the graph changes, and while it does not: waiting ends in problems, too. */
const [ASK_EVERY, ASK_ANYWAY] = [1000, 10_000];
/** Problems that the server lists at most. */
const MOST = 10_000;

/** The parameters of the question for a query's problems. */
export function problemParams(query: AstrolabeQuery, filter: Filter, statuses: readonly string[]) {
  const isTable = query.queryType === 'problems';
  // The statuses choose among the answers: as part of the filter, they would hide the causes from the server.
  const rows = isTable && statuses.length === 0 ? clamp(query.limit || LIMITS.problems, 1, MOST) : MOST;
  const lists = mapValues(filter, (value) => [value].flat().join(','));
  return {
    ...lists,
    sort: query.sort ?? 'severity',
    limit: String(rows),
    ...(isTable ? {} : { detail: 'true' }),
  };
}

/** The problems that last, of these statuses; of all, if there are none. */
export function chosen(problems: readonly Problem[], statuses: readonly string[]): Problem[] {
  const isSought = (status: string) => statuses.length === 0 || statuses.includes(status);
  return problems.filter(({ ended, status }) => ended === undefined && isSought(status));
}

/**
 * The updates with the problems of the part that they show.
 *
 * A change is passed on when the problems after it are known; trouble, and what the server says of itself, at once.
 * `ask`: asks the server. If it fails, what was answered last stays.
 */
export function withProblems(updates: Observable<Update>, ask: () => Promise<readonly Problem[]>): Observable<Update> {
  return new Observable((subscriber) => {
    const questions = new Subject<void>();
    let latest: Update;
    let answer: Pick<Update, 'problems' | 'unanswered'> | undefined;
    let asking = false;
    let again = false;
    const tell = () => subscriber.next({ ...latest, ...answer });
    const find = async () => {
      again = asking;
      if (asking || latest.trouble !== undefined) {
        return;
      }
      asking = true;
      try {
        answer = { problems: await ask() };
      } catch (error) {
        answer = { ...answer, unanswered: error instanceof Error ? error.message : String(error) };
      }
      asking = false;
      if (!subscriber.closed) {
        tell();
        if (again) {
          void find();
        }
      }
    };
    const asked = pace(questions, { gap: ASK_EVERY, idle: ASK_ANYWAY }).subscribe(() => void find());
    const followed = updates.subscribe({
      next: (update) => {
        latest = update;
        if (update.trouble !== undefined || (answer !== undefined && update.changes.length === 0)) {
          tell();
        }
        if (update.trouble === undefined) {
          questions.next();
        }
      },
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    return () => {
      asked.unsubscribe();
      followed.unsubscribe();
    };
  });
}
