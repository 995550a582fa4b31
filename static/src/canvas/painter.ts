/** Draws text and signs on cards and frames, over the shapes of the graph library. */

import { STATUSES, type Status } from "@astrolabe/stream";
import type { Card } from "../cluster/cards";
import { total, worst } from "../cluster/counts";
import type { Rect } from "../layout/geometry";
import type { Frame, Picture, PlacedCard } from "../layout/picture";
import { drawGlyph } from "./glyphs";
import { Lettering } from "./lettering";
import type { Mark, Marks } from "./marks";
import type { Palette } from "./palette";

/** Where the picture is on the screen: its point p is at p * zoom + pan. */
export interface Camera {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

export interface Paint {
  readonly picture: Picture;
  readonly camera: Camera;
  readonly palette: Palette;
  readonly marks: Marks;
  /** Cards that are not spoken of now. */
  readonly dim: (card: Card) => boolean;
}

type Context = CanvasRenderingContext2D;

/** No text is drawn smaller than this, in pixels: cards that are too small for it have none. */
const SMALLEST_TEXT = 10;
const DIMMED = 0.45;
const SIGN_WIDTH = 26;
/** In pixels, so that broken resources are visible at any zoom. */
const SMALLEST_GLYPH: Readonly<Record<Status, number>> = { Error: 13, Unknown: 12, Pending: 10, Ready: 0 };

/** Of the title of a frame: the size at a zoom of 1, and where its middle is below the top; the size on the screen. */
const LETTERS = {
  wing: { size: 30, middle: 42, least: 14, most: 30 },
  hall: { size: 17, middle: 30, least: 12, most: 22 },
  room: { size: 13, middle: 20, least: SMALLEST_TEXT, most: 22 },
} as const;

export class Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: Context;
  readonly #letters = new Lettering();

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("this browser draws nothing");
    this.#canvas = canvas;
    this.#context = context;
  }

  forgetText(): void {
    this.#letters.forget();
  }

  paint(paint: Paint): void {
    const { width, height } = this.#fit();
    const view = { x: 0, y: 0, width, height };
    for (const frame of paint.picture.frames) {
      const rect = onScreen(frame, paint.camera);
      if (meet(rect, view)) this.#frame(frame, rect, paint);
    }
    for (const placed of paint.marks.removed) this.#removed(placed, paint);
    for (const placed of paint.picture.cards) {
      const rect = onScreen(placed, paint.camera);
      if (!meet(rect, view)) continue;
      this.#context.globalAlpha = paint.dim(placed.card) ? DIMMED : 1;
      this.#card(placed, rect, paint);
      this.#context.globalAlpha = 1;
    }
  }

  /** As many pixels as the screen has, and nothing on them. */
  #fit(): { width: number; height: number } {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = window.devicePixelRatio;
    const wanted = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
    if (this.#canvas.width !== wanted.width) this.#canvas.width = wanted.width;
    if (this.#canvas.height !== wanted.height) this.#canvas.height = wanted.height;
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#context.clearRect(0, 0, width, height);
    return { width, height };
  }

  /** The title, legible at any zoom; the more it says, the more room there is. */
  #frame(frame: Frame, rect: Rect, { palette, camera }: Paint): void {
    const context = this.#context;
    const { form } = frame;
    const letters = LETTERS[form];
    const size = Math.max(letters.least, Math.min(letters.most, letters.size * camera.zoom));
    if (rect.width < 40) return;
    const y = rect.y + Math.max(size * 0.75 + 2, letters.middle * camera.zoom);
    let x = rect.x + Math.max(6, 16 * camera.zoom);
    const status = worst(frame.counts);
    if (status !== "Ready") {
      const at = { x: x + size / 2, y, size: size * 1.05 };
      drawGlyph(context, status, at, { fill: palette.statuses[status], sign: palette.onStatus });
      x += size * 1.5;
    }
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillStyle = frame.old ? palette.statuses.Error : palette.ink;
    context.font = `${form === "room" ? 600 : 650} ${size}px ${palette.font}`;
    const room = rect.x + rect.width - x - 10;
    this.#letters.drawName(context, frame.title, { x, y, width: room, height: 0 });
    const after = x + Math.min(room, context.measureText(frame.title).width) + size * 0.7;
    context.font = `400 ${size * 0.8}px ${palette.font}`;
    context.fillStyle = palette.faint;
    const left = rect.x + rect.width - after - 30;
    // Far away there is room for the title only.
    const note = form === "wing" || (form === "hall" && camera.zoom > 0.3) ? frame.note : "";
    if (note && left > 60) this.#letters.draw(context, note, { x: after, y, width: left });
    if (form === "room" && rect.width > 90)
      this.#fold({ x: rect.x + rect.width - 16 * camera.zoom - 4, y }, size, palette);
  }

  /** The sign that closes a room. */
  #fold(at: { x: number; y: number }, size: number, palette: Palette): void {
    const context = this.#context;
    const half = size * 0.3;
    context.strokeStyle = palette.faint;
    context.lineWidth = Math.max(1.4, size * 0.12);
    context.beginPath();
    context.moveTo(at.x - half, at.y + half / 2);
    context.lineTo(at.x, at.y - half / 2);
    context.lineTo(at.x + half, at.y + half / 2);
    context.stroke();
  }

  #card(placed: PlacedCard, rect: Rect, paint: Paint): void {
    const { card } = placed;
    const { palette, camera } = paint;
    const mark = paint.marks.of(card.id);
    if (mark !== undefined) this.#ring(rect, mark, palette);
    this.#stripe(placed, rect, palette);
    const glyph = Math.max(SMALLEST_GLYPH[card.status], 16 * camera.zoom);
    const compact = rect.height < 34;
    if (glyph >= 9 && rect.width > 12) {
      const inset = Math.min(rect.width / 2, Math.max(glyph * 0.75, 18 * camera.zoom));
      const y = compact ? rect.y + rect.height / 2 : rect.y + 20 * camera.zoom;
      const at = { x: rect.x + rect.width - inset, y: Math.min(y, rect.y + rect.height / 2), size: glyph };
      drawGlyph(this.#context, card.status, at, {
        fill: colourOf(card, palette),
        sign: palette.onStatus,
      });
    }
    if (rect.width >= 54) this.#text(placed, rect, glyph, paint);
    if (total(card.counts) > 1) this.#split(placed, rect, paint);
    if (card.opens && !compact) this.#unfold(rect, camera.zoom, palette);
  }

  /** The sign that opens a card. */
  #unfold(rect: Rect, zoom: number, palette: Palette): void {
    const context = this.#context;
    const at = { x: rect.x + rect.width - 18 * zoom, y: rect.y + 40 * zoom };
    context.strokeStyle = palette.faint;
    context.lineWidth = 1.5 * Math.max(0.8, zoom);
    context.beginPath();
    context.moveTo(at.x - 4 * zoom, at.y - 2 * zoom);
    context.lineTo(at.x, at.y + 2 * zoom);
    context.lineTo(at.x + 4 * zoom, at.y - 2 * zoom);
    context.stroke();
  }

  #ring(rect: Rect, mark: Mark, palette: Palette): void {
    const context = this.#context;
    const alpha = context.globalAlpha;
    context.globalAlpha = alpha * Math.max(0.25, mark.strength);
    context.strokeStyle = palette.accent;
    context.lineWidth = 2.5;
    context.setLineDash(mark.sign === "new" ? [] : [5, 4]);
    context.beginPath();
    context.roundRect(rect.x - 4, rect.y - 4, rect.width + 8, rect.height + 8, 9);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = alpha;
  }

  /** A bar at the left edge of a broken card. */
  #stripe({ card }: PlacedCard, rect: Rect, palette: Palette): void {
    if (card.status !== "Error" && card.status !== "Unknown") return;
    const context = this.#context;
    const width = Math.max(3, Math.min(6, rect.width * 0.025));
    context.fillStyle = palette.statuses[card.status];
    context.beginPath();
    context.roundRect(rect.x, rect.y, width, rect.height, [4, 0, 0, 4]);
    context.fill();
  }

  #text(placed: PlacedCard, rect: Rect, glyph: number, { palette, camera }: Paint): void {
    const context = this.#context;
    const { card } = placed;
    const x = rect.x + Math.max(7, 14 * camera.zoom);
    const width = rect.x + rect.width - x - Math.max(glyph * 1.3 + 3, SIGN_WIDTH * camera.zoom);
    const size = Math.max(SMALLEST_TEXT, Math.min(26, 14.5 * camera.zoom));
    const compact = rect.height < 34;
    const number = card.form === "stack" ? ` ×${total(card.counts)}` : "";
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.font = `${card.form === "ghost" ? "italic " : ""}600 ${size}px ${palette.font}`;
    context.fillStyle = palette.ink;
    const y = compact ? rect.y + rect.height / 2 : rect.y + 20 * camera.zoom;
    const lines = this.#letters.drawName(context, card.title + number, { x, y, width, height: rect.height });
    if (!compact && lines === 1)
      this.#note(placed, { x, y: rect.y + 39 * camera.zoom, width }, size, palette);
  }

  /** The second line: what it is, and why it is not ready. */
  #note(
    { card }: PlacedCard,
    at: { x: number; y: number; width: number },
    size: number,
    palette: Palette,
  ): void {
    const context = this.#context;
    const small = Math.max(SMALLEST_TEXT - 0.5, size * 0.83);
    const summary = card.form === "release" || card.form === "namespace";
    const what = summary ? `${total(card.counts)} resources` : card.kind;
    context.font = `400 ${small}px ${palette.font}`;
    context.fillStyle = palette.faint;
    if (card.reason === "" || card.status === "Ready") {
      this.#letters.draw(context, what, at);
      return;
    }
    const lead = summary ? "" : `${card.kind} · `;
    const taken = context.measureText(lead).width;
    if (taken < at.width) this.#letters.draw(context, lead, at);
    context.font = `550 ${small}px ${palette.font}`;
    context.fillStyle = colourOf(card, palette);
    const bad = card.counts[card.status];
    const reason = summary ? `${bad} × ${card.reason}` : card.reason;
    this.#letters.draw(context, reason, { x: at.x + taken, y: at.y, width: at.width - taken });
  }

  /** How many of each status, along the lower edge. */
  #split({ card }: PlacedCard, rect: Rect, { palette, camera }: Paint): void {
    const context = this.#context;
    const all = total(card.counts);
    const height = Math.max(2, 3.5 * camera.zoom);
    const left = rect.x + Math.max(5, 14 * camera.zoom);
    const width = rect.x + rect.width - Math.max(5, 12 * camera.zoom) - left;
    const y = rect.y + rect.height - Math.max(3, 7 * camera.zoom) - height / 2;
    const there = STATUSES.filter((status) => card.counts[status] > 0);
    // However few they are, they can be seen.
    const widths = there.map((status) => Math.max(4, (width * card.counts[status]) / all));
    const scale = width / widths.reduce((sum, each) => sum + each, 0);
    let x = left;
    for (const [index, status] of there.entries()) {
      const wide = (widths[index] ?? 0) * scale;
      context.fillStyle = palette.statuses[status];
      const alpha = context.globalAlpha;
      if (status === "Ready") context.globalAlpha = alpha * 0.55;
      context.fillRect(x, y, Math.max(1, wide - (index < there.length - 1 ? 1 : 0)), height);
      context.globalAlpha = alpha;
      x += wide;
    }
  }

  #removed(placed: PlacedCard, { camera, palette, marks }: Paint): void {
    const mark = marks.of(placed.card.id);
    if (mark === undefined) return;
    const rect = onScreen(placed, camera);
    const context = this.#context;
    context.globalAlpha = 0.7 * mark.strength;
    context.strokeStyle = palette.faint;
    context.setLineDash([4, 4]);
    context.lineWidth = 1.5;
    context.beginPath();
    context.roundRect(rect.x, rect.y, rect.width, rect.height, 8 * camera.zoom);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }
}

/** Amber is for what is on its way, not for what is meant to be empty. */
const colourOf = (card: Card, palette: Palette): string =>
  card.idle ? palette.faint : palette.statuses[card.status];

function onScreen(rect: Rect, camera: Camera): Rect {
  return {
    x: rect.x * camera.zoom + camera.x,
    y: rect.y * camera.zoom + camera.y,
    width: rect.width * camera.zoom,
    height: rect.height * camera.zoom,
  };
}

function meet(one: Rect, other: Rect): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}
