/** What to draw, and where. The canvas gets nothing else. */

import type { Card } from "../cluster/cards";
import type { Counts } from "../cluster/counts";
import type { Line } from "../scene/scene";
import type { Point, Rect } from "./geometry";

export interface PlacedCard extends Rect {
  readonly card: Card;
}

/**
 * A wing is one of several clusters, a hall a namespace, a room an open group in it. id: of the group, `name/*` for a
 * namespace, `name@*` for a cluster. old: it is as it was last known.
 */
export interface Frame extends Rect {
  readonly id: string;
  readonly form: "wing" | "hall" | "room";
  readonly title: string;
  readonly note: string;
  readonly counts: Counts;
  readonly old?: boolean;
}

/** bends: where it turns; none for one that goes its own way. */
export interface PlacedLine {
  readonly line: Line;
  readonly bends: readonly Point[];
}

export interface Picture {
  readonly frames: readonly Frame[];
  readonly cards: readonly PlacedCard[];
  readonly lines: readonly PlacedLine[];
}
