/** The plan of a map: where each box is. Once placed, a box stays while others come and go. */

import { type Card, clusterId } from "../cluster/cards";
import { sum } from "../cluster/counts";
import { groupBy } from "../cluster/grouping";
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
  WING_TITLE,
} from "./geometry";
import { type Packed, pack } from "./pack";
import type { Frame, Picture, PlacedCard } from "./picture";
import type { RoomLayout } from "./settle";

/** The order of boxes, each with the size that it had last, so that what is gone leaves a gap. */
type Boxes = ReadonlyMap<string, Size>;

/** What is kept from one picture to the next, by cluster. wings: where there are several. shape: chosen for the first. */
interface Kept {
  readonly wings: Boxes;
  readonly halls: ReadonlyMap<string, Boxes>;
  readonly groups: ReadonlyMap<string, Boxes>;
  readonly shape: Shape | null;
}

/** slant: how wide a hall is for its height. width: of the whole. wing: of each of several clusters. */
interface Shape {
  readonly slant: number;
  readonly width: number;
  readonly wing: number;
}

const NOTHING: Kept = { wings: new Map(), halls: new Map(), groups: new Map(), shape: null };
const SLANTS = [0.25, 0.45, 0.7, 1.1, 1.7];
/** The width of all for the square root of its area; and that of a wing for its own. */
const SPREADS = [0.9, 1, 1.1, 1.25, 1.45, 1.7];
const WING_SPREADS = [0.6, 0.9, 1.3];

/** All of a floor: the halls of a map without wings, or the wings with theirs. */
interface Floor extends Size {
  readonly halls: ReadonlyMap<string, Point>;
  readonly wings: ReadonlyMap<string, Rect>;
}

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
      groups.set(hall.place, carry(this.#kept.groups.get(hall.place), now));
    }
    const wingOf = new Map(scene.halls.map(({ place, cluster }) => [place, cluster]));
    const shape = this.#kept.shape ?? bestShape(groups, wingOf, view);
    const inside = packHalls(groups, shape.slant);
    const halls = new Map(this.#kept.halls);
    for (const [cluster, sizes] of hallsByWing(inside, wingOf)) {
      halls.set(cluster, carry(halls.get(cluster), [...sizes]));
    }
    const { floor, wings } = layOut(halls, shape, this.#kept.wings);
    this.#kept = { wings, halls, groups, shape };
    return collect(scene, floor, inside, layouts);
  }
}

/** The shape with which everything is seen at the largest zoom. */
function bestShape(
  groups: ReadonlyMap<string, Boxes>,
  wingOf: ReadonlyMap<string, string>,
  view: Size,
): Shape {
  const tries = SLANTS.flatMap((slant) => {
    const halls = hallsByWing(packHalls(groups, slant), wingOf);
    const areas = [...halls.values()].map(areaOf);
    const squareOf = (area: number) => Math.sqrt((area * view.width) / view.height);
    const whole = squareOf(areas.reduce((one, other) => one + other, 0));
    const largest = squareOf(Math.max(0, ...areas));
    return SPREADS.flatMap((spread) =>
      (halls.size > 1 ? WING_SPREADS : [1]).map((wing) => {
        const width = whole * spread;
        const shape = { slant, width, wing: halls.size > 1 ? largest * wing : width };
        const { floor } = layOut(halls, shape);
        return { shape, zoom: Math.min(view.width / floor.width, view.height / floor.height) };
      }),
    );
  });
  return tries.reduce((one, other) => (other.zoom > one.zoom ? other : one)).shape;
}

const areaOf = (boxes: Boxes): number =>
  [...boxes.values()].reduce((area, { width, height }) => area + (width + AISLE) * (height + AISLE), 0);

/** The sizes of the halls of each cluster. */
function hallsByWing(
  inside: ReadonlyMap<string, Packed>,
  wingOf: ReadonlyMap<string, string>,
): Map<string, Boxes> {
  const sizes = [...inside].map(([place, packed]) => [place, around(packed)] as const);
  const wings = groupBy(sizes, ([place]) => wingOf.get(place) ?? "");
  return new Map([...wings].map(([cluster, some]) => [cluster, new Map(some)]));
}

/** Place the halls; those of a named cluster within a wing. before: the wings of the last picture, in their order. */
function layOut(
  halls: ReadonlyMap<string, Boxes>,
  shape: Shape,
  before: Boxes = new Map(),
): { floor: Floor; wings: Boxes } {
  const plain = halls.get("");
  if (halls.size <= 1 && (plain !== undefined || halls.size === 0)) {
    const { places, width, height } = pack(plain ?? new Map(), shape.width, AISLE);
    return { floor: { halls: places, wings: new Map(), width, height }, wings: new Map() };
  }
  const packed = new Map([...halls].map(([cluster, boxes]) => [cluster, pack(boxes, shape.wing, AISLE)]));
  const sizes = [...packed].map(([cluster, inner]) => [cluster, aroundWing(inner)] as const);
  const wings = carry(before, sizes);
  const whole = pack(wings, shape.width, AISLE);
  const floor = { halls: new Map<string, Point>(), wings: new Map<string, Rect>() };
  for (const [cluster, inner] of packed) {
    const corner = whole.places.get(cluster) ?? { x: 0, y: 0 };
    floor.wings.set(cluster, { ...corner, ...aroundWing(inner) });
    const inset = { x: corner.x + AISLE / 2, y: corner.y + WING_TITLE };
    for (const [place, at] of inner.places) floor.halls.set(place, { x: at.x + inset.x, y: at.y + inset.y });
  }
  return { floor: { ...floor, width: whole.width, height: whole.height }, wings };
}

const aroundWing = (inside: Size): Size => ({
  width: inside.width + AISLE,
  height: inside.height + WING_TITLE + AISLE / 2,
});

function packHalls(groups: ReadonlyMap<string, Boxes>, slant: number): Map<string, Packed> {
  return new Map([...groups].map(([place, boxes]) => [place, pack(boxes, widthFor(boxes, slant), GAP)]));
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
  floor: Floor,
  packed: ReadonlyMap<string, Packed>,
  layouts: ReadonlyMap<string, RoomLayout>,
): Picture {
  const frames: Frame[] = wingFrames(scene.halls, floor);
  const cards: PlacedCard[] = [];
  const bends = new Map<string, readonly Point[]>();
  for (const hall of scene.halls) {
    const corner = floor.halls.get(hall.place) ?? { x: 0, y: 0 };
    const inside = packed.get(hall.place);
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

function wingFrames(halls: readonly Hall[], floor: Floor): Frame[] {
  return [...groupBy(halls, (hall) => hall.cluster)].flatMap(([cluster, some]) => {
    const rect = floor.wings.get(cluster);
    if (rect === undefined) return [];
    const counts = sum(some.map((hall) => hall.counts));
    const nodes = some.reduce((all, hall) => all + hall.nodes, 0);
    const note = `${nodes.toLocaleString()} resources`;
    return [{ id: clusterId(cluster), form: "wing" as const, title: cluster, note, counts, ...rect }];
  });
}

function hallFrame(hall: Hall, corner: Point, inside: Size): Frame {
  const { counts, title, place } = hall;
  const note = `${hall.nodes} resources`;
  return { id: `${place}/*`, form: "hall", title, note, counts, ...corner, ...around(inside) };
}

function roomFrame(room: Room): Omit<Frame, keyof Rect> {
  return { id: room.id, form: "room", title: room.title, note: "", counts: room.counts };
}
