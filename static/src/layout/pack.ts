import type { Point, Size } from "./geometry";

export interface Packed extends Size {
  readonly places: ReadonlyMap<string, Point>;
}

/** A part of the outline of the packed boxes: from x on, the space below y is free. */
interface Step {
  readonly x: number;
  readonly y: number;
}

/**
 * Place boxes one after the other where they are highest, then furthest left.
 *
 * Where a box goes depends on those before it alone: a box that is added at the end moves nothing.
 * width: that is available; a wider box sticks out. gap: between any two.
 */
export function pack(boxes: Iterable<readonly [string, Size]>, width: number, gap: number): Packed {
  const places = new Map<string, Point>();
  let outline: Step[] = [{ x: 0, y: 0 }];
  let bounds: Size = { width: 0, height: 0 };
  for (const [id, size] of boxes) {
    const place = findPlace(outline, size, width, gap);
    places.set(id, place);
    outline = withBox(outline, place, { width: size.width + gap, height: size.height + gap });
    bounds = {
      width: Math.max(bounds.width, place.x + size.width),
      height: Math.max(bounds.height, place.y + size.height),
    };
  }
  return { places, ...bounds };
}

function findPlace(outline: readonly Step[], size: Size, width: number, gap: number): Point {
  let best: Point = { x: 0, y: topOver(outline, 0, size.width + gap) };
  for (const step of outline) {
    if (step.x + size.width > width) break;
    const y = topOver(outline, step.x, size.width + gap);
    if (y < best.y) best = { x: step.x, y };
  }
  return best;
}

/** How far down it is taken anywhere between x and x + width. */
function topOver(outline: readonly Step[], x: number, width: number): number {
  let y = 0;
  for (const [index, step] of outline.entries()) {
    const end = outline[index + 1]?.x ?? Number.POSITIVE_INFINITY;
    if (end > x && step.x < x + width) y = Math.max(y, step.y);
  }
  return y;
}

function withBox(outline: readonly Step[], place: Point, size: Size): Step[] {
  const right = place.x + size.width;
  const before = outline.filter((step) => step.x < place.x);
  const under = outline.filter((step) => step.x <= right).at(-1);
  const after = outline.filter((step) => step.x > right);
  return [...before, { x: place.x, y: place.y + size.height }, { x: right, y: under?.y ?? 0 }, ...after];
}
