/** The orders of a list of problems, as `GET /api/v1/problems` has them: a delta does not say where a problem belongs. */

import { PROBLEM_SORTS, type Problem, type ProblemSort } from "./problems";
import { severity } from "./status";

type Order = (one: Problem, other: Problem) => number;

/** Larger numbers come first. */
const falling =
  (of: (problem: Problem) => number): Order =>
  (one, other) =>
    of(other) - of(one);

/** Times of the API compare as texts; a problem without one comes last. */
const oldest: Order = ({ since: one = "" }, { since: other = "" }) =>
  Number(one === "") - Number(other === "") || (one < other ? -1 : Number(one > other));
const newest: Order = (one, other) =>
  Number(!one.since) - Number(!other.since) || (one.since ? -oldest(one, other) : 0);
const byId: Order = ({ id: one }, { id: other }) => (one < other ? -1 : Number(one > other));

const worst = falling(({ status }) => severity(status));
const reach = falling((problem) => problem.reach ?? 0);
const rank = chain(worst, reach, oldest, byId);

const ORDERS: Readonly<Record<ProblemSort, Order>> = {
  severity: rank,
  reach: chain(reach, rank),
  affected: chain(
    falling(({ affected }) => affected.total),
    rank,
  ),
  age: chain(oldest, rank),
  newest: chain(newest, rank),
};

/** In this order; those that have ended come last. */
export function inOrder(problems: Iterable<Problem>, sort: ProblemSort = PROBLEM_SORTS[0]): Problem[] {
  const ended: Order = (one, other) => Number(one.ended !== undefined) - Number(other.ended !== undefined);
  return [...problems].sort(chain(ended, ORDERS[sort]));
}

function chain(...orders: readonly Order[]): Order {
  return (one, other) => {
    for (const order of orders) {
      const difference = order(one, other);
      if (difference !== 0) return difference;
    }
    return 0;
  };
}
