import ELK from "elkjs/lib/elk.bundled.js";
import { describe, expect, it } from "vitest";
import { curveOf } from "../../src/canvas/curve";
import type { Card } from "../../src/cluster/cards";
import { EVERYTHING } from "../../src/cluster/filter";
import { CARD, GAP, type Point, type Rect, type Size } from "../../src/layout/geometry";
import { layeredGraph, roomLayout } from "../../src/layout/layered";
import { pack } from "../../src/layout/pack";
import type { Picture } from "../../src/layout/picture";
import { Plan } from "../../src/layout/plan";
import { type RoomLayout, settle } from "../../src/layout/settle";
import { drawMap } from "../../src/scene/map";
import { isRoom, type Room, type Scene } from "../../src/scene/scene";
import { build, crowd, node, shop } from "./build";

const VIEW: Size = { width: 960, height: 700 };
const overlap = (one: Rect, other: Rect) =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height;

function overlaps(rects: readonly Rect[]): number {
  return rects.flatMap((one, index) => rects.slice(index + 1).filter((other) => overlap(one, other))).length;
}

const draw = (built: ReturnType<typeof shop>, open: string[] = []) =>
  drawMap(built.graph, { filter: EVERYTHING, open: new Set(open), hidden: new Set(["runs-on"]) });

const rooms = (scene: Scene): Room[] => scene.halls.flatMap((hall) => hall.groups.filter(isRoom));

async function layOut(scene: Scene): Promise<Map<string, RoomLayout>> {
  const layouts = new Map<string, RoomLayout>();
  for (const room of rooms(scene)) {
    const graph = await new ELK().layout(layeredGraph(room.cards, scene.lines.values()));
    layouts.set(room.id, roomLayout(graph));
  }
  return layouts;
}

describe("packing", () => {
  const box = (id: string, width: number, height: number) => [id, { width, height }] as const;

  it("fills rows, and goes on where it is highest", () => {
    const { places, width, height } = pack([box("a", 40, 10), box("b", 40, 30), box("c", 40, 10)], 90, 10);
    expect(Object.fromEntries(places)).toEqual({ a: { x: 0, y: 0 }, b: { x: 50, y: 0 }, c: { x: 0, y: 20 } });
    expect({ width, height }).toEqual({ width: 90, height: 30 });
  });

  it("lets nothing overlap, and moves nothing for what is added", () => {
    let seed = 7;
    const random = (most: number) => {
      seed = (seed * 16_807) % 2_147_483_647;
      return 5 + (seed % most);
    };
    const boxes = Array.from({ length: 80 }, (_, index) => box(`b${index}`, random(120), random(60)));
    const all = pack(boxes, 400, 8);
    const rects = boxes.map(([id, size]) => ({ ...(all.places.get(id) as Point), ...size }));
    expect(overlaps(rects)).toBe(0);
    const fewer = pack(boxes.slice(0, 50), 400, 8);
    for (const [id, place] of fewer.places) expect(all.places.get(id)).toEqual(place);
  });

  it("places what is wider than all there is", () => {
    expect(pack([box("a", 10, 10), box("b", 500, 10)], 100, 5).places.get("b")).toEqual({ x: 0, y: 15 });
  });
});

describe("a laid out room", () => {
  it("has the columns from what asks to what is needed, and no card over another", async () => {
    const scene = draw(shop(), ["shop/cart"]);
    const layout = (await layOut(scene)).get("shop/cart") as RoomLayout;
    const x = (id: string) => layout.places.get(`shop/cart|${id}`)?.x ?? Number.NaN;
    expect(x("Ingress|cart")).toBeLessThan(x("Service|cart"));
    expect(x("Service|cart")).toBeLessThan(x("Deployment|cart"));
    expect(x("Deployment|cart")).toBeLessThan(x("Pod|Deployment/cart"));
    expect(overlaps([...layout.places.values()].map((place) => ({ ...place, ...CARD })))).toBe(0);
  });

  it("is the same whatever order its cards come in", async () => {
    const scene = draw(shop(), ["shop/cart"]);
    const [room] = rooms(scene) as [Room];
    const lines = [...scene.lines.values()];
    const there = layeredGraph(room.cards, lines);
    expect(layeredGraph(room.cards.toReversed(), lines.toReversed())).toEqual(there);
  });
});

describe("a live change in a room", () => {
  const layout: RoomLayout = {
    places: new Map([
      ["g|Service|a", { x: 0, y: 0 }],
      ["g|Pod|a", { x: 300, y: 0 }],
      ["g|Pod|b", { x: 300, y: CARD.height + GAP }],
    ]),
    bends: new Map(),
    width: 300 + CARD.width,
    height: 2 * CARD.height + GAP,
  };
  const card = (kind: string, name: string): Card => ({
    ...{ id: `g|${kind}|${name}`, form: "resource", group: "g", namespace: "", kind, title: name },
    column: kind === "Service" ? 1 : kind === "Pod" ? 4 : 2,
    ...{ status: "Ready", reason: "", counts: { Error: 0, Unknown: 0, Pending: 0, Ready: 1 } },
    ...{ members: [name], opens: false, idle: false },
  });
  const before = [card("Service", "a"), card("Pod", "a"), card("Pod", "b")];

  it("moves nothing: what is new goes where there is room in its column, near what it hangs on", () => {
    const line = {
      id: "l",
      from: "g|Service|a",
      to: "g|Pod|c",
      types: [],
      count: 1,
      cross: false,
      path: false,
    };
    const settled = settle(layout, [...before, card("Pod", "c")], [line]);
    for (const [id, place] of layout.places) expect(settled.places.get(id)).toEqual(place);
    expect(settled.places.get("g|Pod|c")).toEqual({ x: 300, y: 2 * (CARD.height + GAP) });
    expect(settled.height).toBe(3 * CARD.height + 2 * GAP);
  });

  it("leaves a gap for what is gone, which the next fills", () => {
    const without = settle(layout, [before[0] as Card, before[2] as Card], []);
    expect([...without.places.keys()]).toEqual(["g|Service|a", "g|Pod|b"]);
    expect({ width: without.width, height: without.height }).toEqual({
      width: layout.width,
      height: layout.height,
    });
    const again = settle(without, [before[0] as Card, before[2] as Card, card("Pod", "new")], []);
    expect(again.places.get("g|Pod|new")).toEqual({ x: 300, y: 0 });
  });

  it("gives a kind that was not there a column of its own", () => {
    const settled = settle(layout, [...before, card("Secret", "s")], []);
    expect(settled.places.get("g|Secret|s")?.x).toBeGreaterThan(300 + CARD.width);
  });

  it("that changes no card gives the same layout", () => {
    expect(settle(layout, before, [])).toBe(layout);
  });
});

describe("the plan of a map", () => {
  const at = (picture: Picture) =>
    new Map(picture.cards.map((placed) => [placed.card.id, { x: placed.x, y: placed.y }]));
  const none = new Map<string, RoomLayout>();

  it("lets no card lie over another, and no hall over another", async () => {
    const scene = draw(crowd(60, 3), ["ns-1/app-1", "ns-1/app-21", "ns-2/app-2"]);
    const picture = new Plan().draw(scene, await layOut(scene), VIEW);
    expect(picture.cards.length).toBe(scene.cards.size);
    expect(overlaps(picture.cards)).toBe(0);
    expect(overlaps(picture.frames.filter((frame) => frame.form === "hall"))).toBe(0);
  });

  it("moves nothing when a release comes or goes", () => {
    const plan = new Plan();
    const release = (name: string) => node(`Pod/shop/${name}`, { release: name });
    const other = node("Pod/other/x", { release: "x" });
    const names = ["b", "c", "d", "f"];
    const first = at(plan.draw(draw(build([...names.map(release), other])), none, VIEW));
    const more = at(plan.draw(draw(build([...["a", ...names].map(release), other])), none, VIEW));
    for (const [id, place] of first) expect(more.get(id)).toEqual(place);
    const less = at(plan.draw(draw(build([...["a", "d", "f"].map(release), other])), none, VIEW));
    for (const [id, place] of less) expect(more.get(id)).toEqual(place);
    plan.tidy();
    const tidy = at(plan.draw(draw(build(["a", "d", "f"].map(release))), none, VIEW));
    expect(tidy.get("shop/a")).toEqual({ x: 16, y: 60 });
  });

  it("takes the shape in which everything is seen largest", () => {
    const scene = draw(crowd(200, 1));
    const shapeIn = (view: Size) => {
      const { frames } = new Plan().draw(scene, none, view);
      const width = Math.max(...frames.map((frame) => frame.x + frame.width));
      return width / Math.max(...frames.map((frame) => frame.y + frame.height));
    };
    expect(shapeIn({ width: 1600, height: 800 })).toBeGreaterThan(1.3);
    expect(shapeIn({ width: 390, height: 844 })).toBeLessThan(0.8);
  });
});

describe("a line", () => {
  const placed = (x: number, y: number) => ({ card: { id: `${x}` } as Card, x, y, ...CARD });

  it("leaves to the right, and arrives from the left", () => {
    const curve = curveOf(placed(0, 0), placed(CARD.width + 100, 100), []);
    expect(curve.source).toBe("50% 0%");
    expect(curve.target).toBe("-50% 0%");
    expect(curve.weights).toHaveLength(2);
  });

  it("goes around when its end is above or left of its beginning", () => {
    const curve = curveOf(placed(0, 0), placed(0, 200), []);
    expect(curve.source).toBe(curve.target);
  });

  it("turns where the layout has it turn", () => {
    const bends = [
      { x: CARD.width + 20, y: 31 },
      { x: CARD.width + 20, y: 99 },
      { x: CARD.width + 80, y: 99 },
    ];
    expect(curveOf(placed(0, 0), placed(CARD.width + 100, 100), bends).weights).toHaveLength(3);
  });
});
