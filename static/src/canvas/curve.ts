import { CARD, type Point } from "../layout/geometry";
import type { PlacedCard } from "../layout/picture";

/**
 * The form that the graph library needs for a line that leaves to the right and arrives from the left.
 *
 * Control points are given by their way along the straight line between both ends (weight) and their
 * distance from it.
 */
export interface Curve {
  readonly source: string;
  readonly target: string;
  readonly weights: readonly number[];
  readonly distances: readonly number[];
}

const RIGHT = "50% 0%";
const LEFT = "-50% 0%";

/** bends: where the layout has it turn, from its beginning on. */
export function curveOf(from: PlacedCard, to: PlacedCard, bends: readonly Point[]): Curve {
  const start = { x: from.x + CARD.width, y: from.y + CARD.height / 2 };
  const end = { x: to.x, y: to.y + CARD.height / 2 };
  if (bends.length > 0 && end.x > start.x)
    return through(RIGHT, LEFT, start, end, levelled(bends, start, end));
  if (end.x < start.x + 8) return around(from, to);
  const bend = Math.min(90, (end.x - start.x) / 2);
  return through(RIGHT, LEFT, start, end, [
    { x: start.x + bend, y: start.y },
    { x: end.x - bend, y: end.y },
  ]);
}

/** In the same column, or backwards: out and in on the same side. */
function around(from: PlacedCard, to: PlacedCard): Curve {
  const right = to.x >= from.x - CARD.width;
  const side = right ? RIGHT : LEFT;
  const offset = right ? CARD.width : 0;
  const start = { x: from.x + offset, y: from.y + CARD.height / 2 };
  const end = { x: to.x + offset, y: to.y + CARD.height / 2 };
  const out = (right ? Math.max(start.x, end.x) + 40 : Math.min(start.x, end.x) - 40) as number;
  return through(side, side, start, end, [
    { x: out, y: start.y },
    { x: out, y: end.y },
  ]);
}

/** The layout lets a line begin and end anywhere at a card's side: here it is the middle. */
function levelled(bends: readonly Point[], start: Point, end: Point): Point[] {
  const points = [...bends];
  const [first] = bends;
  const last = bends.at(-1);
  if (first !== undefined && last !== undefined) {
    points[0] = { x: first.x, y: start.y };
    points[points.length - 1] = { x: last.x, y: end.y };
  }
  return points;
}

function through(source: string, target: string, start: Point, end: Point, points: readonly Point[]): Curve {
  const along = { x: end.x - start.x, y: end.y - start.y };
  const length = Math.hypot(along.x, along.y) || 1;
  const weights = points.map((point) => {
    return ((point.x - start.x) * along.x + (point.y - start.y) * along.y) / (length * length);
  });
  const distances = points.map((point) => {
    return ((point.y - start.y) * along.x - (point.x - start.x) * along.y) / length;
  });
  return { source, target, weights, distances };
}
