import type { Level } from "../stream/message";

/** From the worst to the best: the order in which they are shown everywhere. */
export const LEVELS: readonly Level[] = ["Error", "Unknown", "Pending", "Ready"];

const SEVERITY: ReadonlyMap<string, number> = new Map(LEVELS.map((level, index) => [level, -index]));

/** How bad: the larger, the worse. A level that is not known is as bad as Unknown. */
export const severity = (level: Level): number => SEVERITY.get(level) ?? -1;

export const worse = (one: Level, other: Level): Level => (severity(one) >= severity(other) ? one : other);

/** How many of each. */
export type Counts = Readonly<Record<Level, number>>;

export const noCounts = (): Record<Level, number> => ({ Error: 0, Unknown: 0, Pending: 0, Ready: 0 });

export function count(levels: Iterable<Level>): Counts {
  const counts = noCounts();
  for (const level of levels) counts[level] += 1;
  return counts;
}

export const total = (counts: Counts): number => LEVELS.reduce((sum, level) => sum + counts[level], 0);

/** The worst level that there is one of; Ready for none. */
export const worst = (counts: Counts): Level => LEVELS.find((level) => counts[level] > 0) ?? "Ready";
