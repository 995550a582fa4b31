import { AstrolabeQuery } from './types';

/** Milliseconds between points of a series while nothing changes, within these bounds. */
const [SHORTEST, LONGEST] = [1000, 15_000];
/** Milliseconds after which a table is shown again while nothing changes: what it says of ages is of then. */
const AGING = 30_000;

/** Milliseconds after which a query's frames come again, though nothing changed; undefined: never. */
export function idleOf({ queryType }: AstrolabeQuery, intervalMs = SHORTEST): number | undefined {
  switch (queryType) {
    case 'counts':
      return Math.min(Math.max(intervalMs, SHORTEST), LONGEST);
    case 'problems':
    case 'resources':
      return AGING;
    default:
      return undefined;
  }
}
