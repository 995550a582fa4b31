/** Where new cards go in a room that is laid out already: no other card moves. */

import type { Card } from "../cluster/cards";
import type { Line } from "../scene/scene";
import { CARD, GAP, type Point, type Size } from "./geometry";

/**
 * Where the cards of a room are, from its upper left corner inside its padding.
 *
 * bends: by the id of a line, where it turns so that it crosses no card; for lines that were there when the
 * room was laid out.
 */
export interface RoomLayout extends Size {
  readonly places: ReadonlyMap<string, Point>;
  readonly bends: ReadonlyMap<string, readonly Point[]>;
}

/** Between two columns, so that lines have room to bend. */
export const COLUMN_GAP = 64;

/** The layout with a place for every card of the room, and none for others. */
export function settle(layout: RoomLayout, cards: readonly Card[], lines: Iterable<Line>): RoomLayout {
  const fresh = cards.filter((card) => !layout.places.has(card.id));
  if (fresh.length === 0 && layout.places.size === cards.length) return layout;
  const kept = new Map<string, Point>();
  const columns = new Map<number, number>();
  for (const card of cards) {
    const place = layout.places.get(card.id);
    if (place === undefined) continue;
    kept.set(card.id, place);
    columns.set(card.column, place.x);
  }
  const all = [...lines];
  for (const card of fresh.toSorted((one, other) => one.id.localeCompare(other.id))) {
    const x = columnFor(card.column, columns, layout.width);
    columns.set(card.column, x);
    kept.set(card.id, { x, y: freeAt(x, wishOf(card, all, kept), kept) });
  }
  return { places: kept, bends: layout.bends, ...boundsOf(kept, layout) };
}

/** Where others of this column stand; else a new column right of all. */
function columnFor(column: number, known: ReadonlyMap<number, number>, width: number): number {
  const x = known.get(column);
  if (x !== undefined) return x;
  return known.size === 0 ? 0 : Math.max(width, ...known.values()) + COLUMN_GAP;
}

/** The average height of the cards that it is connected with; the top if there are none. */
function wishOf(card: Card, lines: readonly Line[], places: ReadonlyMap<string, Point>): number {
  const others = lines.flatMap((line) => {
    const other = line.from === card.id ? line.to : line.to === card.id ? line.from : "";
    return places.get(other)?.y ?? [];
  });
  return others.length === 0 ? 0 : others.reduce((sum, y) => sum + y, 0) / others.length;
}

/** The free height that is nearest to the wish. */
function freeAt(x: number, wish: number, places: ReadonlyMap<string, Point>): number {
  const step = CARD.height + GAP;
  const taken = [...places.values()].filter((place) => Math.abs(place.x - x) < CARD.width);
  const isFree = (y: number) => y >= 0 && taken.every((place) => Math.abs(place.y - y) >= step);
  const candidates = [wish, 0, ...taken.flatMap((place) => [place.y - step, place.y + step])].filter(isFree);
  return candidates.reduce((one, other) => (Math.abs(other - wish) < Math.abs(one - wish) ? other : one));
}

/** A room never shrinks under a live change: its neighbours would move. */
function boundsOf(places: ReadonlyMap<string, Point>, before: Size): Size {
  const points = [...places.values()];
  return {
    width: Math.max(before.width, ...points.map((point) => point.x + CARD.width)),
    height: Math.max(before.height, ...points.map((point) => point.y + CARD.height)),
  };
}
