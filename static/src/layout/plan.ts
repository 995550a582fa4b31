/** The plan of a map: where each box is. Once placed, a box stays while others come and go. */

import type { Card } from "../cluster/cards";
import { type Hall, isRoom, type Room, type Scene } from "../scene/scene";
import {
  AISLE,
  CARD,
  GAP,
  HALL_TITLE,
  PADDING,
  type Point,
  type Rect,
  ROOM_TITLE,
  type Size,
} from "./geometry";
import { type Packed, pack } from "./pack";
import type { Frame, Picture, PlacedCard } from "./picture";
import type { RoomLayout } from "./settle";

/** The order of boxes, each with the size that it had last, so that what is gone leaves a gap. */
type Boxes = ReadonlyMap<string, Size>;

/** What is kept from one picture to the next. shape: chosen for the first one. */
interface Kept {
  readonly halls: Boxes;
  readonly groups: ReadonlyMap<string, Boxes>;
  readonly shape: Shape | null;
}

/** slant: how wide a hall is for its height. width: of the whole. */
interface Shape {
  readonly slant: number;
  readonly width: number;
}

const NOTHING: Kept = { halls: new Map(), groups: new Map(), shape: null };
const SLANTS = [0.25, 0.45, 0.7, 1.1, 1.7];

export class Plan {
  #kept = NOTHING;

  /** Start over: gaps close, and all boxes are in the order of their names. */
  tidy(): void {
    this.#kept = NOTHING;
  }

  /**
   * The picture of a map. view: where it is to be seen; what shows it largest is chosen when it is begun.
   *
   * layouts: of open rooms; one without, for it is still being made, is drawn empty.
   */
  draw(scene: Scene, layouts: ReadonlyMap<string, RoomLayout>, view: Size): Picture {
    const groups = new Map<string, Boxes>();
    for (const hall of scene.halls) {
      const now = hall.groups.map((group) => [group.id, sizeOf(group, layouts)] as const);
      groups.set(hall.namespace, carry(this.#kept.groups.get(hall.namespace), now));
    }
    const shape = this.#kept.shape ?? bestShape(groups, view);
    const inside = packHalls(groups, shape.slant);
    const sizes = [...inside].map(([namespace, packed]) => [namespace, around(packed)] as const);
    const halls = carry(this.#kept.halls, sizes);
    this.#kept = { halls, groups, shape };
    return collect(scene, pack(halls, shape.width, AISLE).places, inside, layouts);
  }
}

/** The shape with which everything is seen at the largest zoom. */
function bestShape(groups: ReadonlyMap<string, Boxes>, view: Size): Shape {
  const tries = SLANTS.flatMap((slant) => {
    const sizes = [...packHalls(groups, slant)].map(([id, packed]) => [id, around(packed)] as const);
    const area = sizes.reduce((sum, [, size]) => sum + (size.width + AISLE) * (size.height + AISLE), 0);
    const square = Math.sqrt((area * view.width) / view.height);
    return [0.9, 1, 1.1, 1.25, 1.45, 1.7].map((factor) => ({ slant, width: square * factor, sizes }));
  });
  const zoomOf = ({ sizes, width }: (typeof tries)[number]) => {
    const whole = pack(sizes, width, AISLE);
    return Math.min(view.width / whole.width, view.height / whole.height);
  };
  const best = tries.reduce((one, other) => (zoomOf(other) > zoomOf(one) ? other : one));
  return { slant: best.slant, width: best.width };
}

function packHalls(groups: ReadonlyMap<string, Boxes>, slant: number): Map<string, Packed> {
  return new Map(
    [...groups].map(([namespace, boxes]) => [namespace, pack(boxes, widthFor(boxes, slant), GAP)]),
  );
}

/** Those from before in their order, with their size of now; then those that are new. */
function carry(before: Boxes | undefined, now: readonly (readonly [string, Size])[]): Boxes {
  const boxes = new Map(before);
  for (const [id, size] of now) boxes.set(id, size);
  return boxes;
}

function sizeOf(group: Card | Room, layouts: ReadonlyMap<string, RoomLayout>): Size {
  const layout = isRoom(group) ? layouts.get(group.id) : undefined;
  if (layout === undefined) return CARD;
  return { width: layout.width + 2 * PADDING, height: layout.height + ROOM_TITLE + PADDING };
}

/** As wide as the columns for so many cards, and as the widest of them. */
function widthFor(boxes: Boxes, slant: number): number {
  const columns = Math.max(1, Math.round(Math.sqrt(boxes.size * slant)));
  const widest = Math.max(...[...boxes.values()].map((size) => size.width));
  return Math.max(columns * (CARD.width + GAP) - GAP, widest);
}

const around = (inside: Size): Size => ({
  width: Math.max(CARD.width, inside.width) + 2 * PADDING,
  height: inside.height + HALL_TITLE + PADDING,
});

function collect(
  scene: Scene,
  places: ReadonlyMap<string, Point>,
  packed: ReadonlyMap<string, Packed>,
  layouts: ReadonlyMap<string, RoomLayout>,
): Picture {
  const frames: Frame[] = [];
  const cards: PlacedCard[] = [];
  const bends = new Map<string, readonly Point[]>();
  for (const hall of scene.halls) {
    const corner = places.get(hall.namespace) ?? { x: 0, y: 0 };
    const inside = packed.get(hall.namespace);
    if (inside === undefined) continue;
    frames.push(hallFrame(hall, corner, inside));
    for (const group of hall.groups) {
      const place = inside.places.get(group.id) ?? { x: 0, y: 0 };
      const at = { x: corner.x + PADDING + place.x, y: corner.y + HALL_TITLE + place.y };
      const layout = layouts.get(group.id);
      if (!isRoom(group)) cards.push({ card: group, ...at, ...CARD });
      else frames.push({ ...roomFrame(group), ...at, ...sizeOf(group, layouts) });
      if (!isRoom(group) || layout === undefined) continue;
      const inner = { x: at.x + PADDING, y: at.y + ROOM_TITLE };
      cards.push(...cardsIn(group.cards, layout, inner));
      for (const [line, points] of layout.bends) bends.set(line, moved(points, inner));
    }
  }
  const lines = [...scene.lines.values()].map((line) => ({ line, bends: bends.get(line.id) ?? [] }));
  return { frames, cards, lines };
}

/** The cards of a room with its upper left corner, padding left out, at this point. */
function cardsIn(cards: readonly Card[], layout: RoomLayout, at: Point): PlacedCard[] {
  return cards.flatMap((card) => {
    const place = layout.places.get(card.id);
    return place === undefined ? [] : { card, x: at.x + place.x, y: at.y + place.y, ...CARD };
  });
}

const moved = (points: readonly Point[], by: Point): Point[] =>
  points.map((point) => ({ x: point.x + by.x, y: point.y + by.y }));

/** The picture of a scene that is one room. */
export function drawRoom(scene: Scene, layout: RoomLayout | undefined): Picture {
  if (scene.room === null || layout === undefined) return { frames: [], cards: [], lines: [] };
  const lines = [...scene.lines.values()].map((line) => ({ line, bends: layout.bends.get(line.id) ?? [] }));
  return { frames: [], cards: cardsIn(scene.room.cards, layout, { x: 0, y: 0 }), lines };
}

function hallFrame(hall: Hall, corner: Point, inside: Size): Frame {
  const { counts, title, namespace } = hall;
  const note = `${hall.nodes} resources`;
  return { id: `${namespace}/*`, form: "hall", title, note, counts, ...corner, ...around(inside) };
}

function roomFrame(room: Room): Omit<Frame, keyof Rect> {
  return { id: room.id, form: "room", title: room.title, note: "", counts: room.counts };
}
