import { STATUSES, type Status } from "@astrolabe/stream";

/** How many of each. */
export type Counts = Readonly<Record<Status, number>>;

export const noCounts = (): Record<Status, number> => ({ Error: 0, Unknown: 0, Pending: 0, Ready: 0 });

export function count(statuses: Iterable<Status>): Counts {
  const counts = noCounts();
  for (const status of statuses) counts[status] += 1;
  return counts;
}

/** All of these together. */
export function sum(all: Iterable<Counts>): Counts {
  const counts = noCounts();
  for (const each of all) for (const status of STATUSES) counts[status] += each[status];
  return counts;
}

export const total = (counts: Counts): number => STATUSES.reduce((sum, status) => sum + counts[status], 0);

/** The worst status that there is one of; Ready for none. */
export const worst = (counts: Counts): Status => STATUSES.find((status) => counts[status] > 0) ?? "Ready";
