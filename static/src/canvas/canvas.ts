/** The picture on the screen: shapes, lines and the viewport are the graph library's, the rest the painter's. */

import type { Status } from "@astrolabe/stream";
import cytoscape, {
  type Core,
  type ElementDefinition,
  type EventObject,
  type SingularElementArgument,
} from "cytoscape";
import type { Card } from "../cluster/cards";
import { total } from "../cluster/counts";
import type { Frame, Picture, PlacedCard, PlacedLine } from "../layout/picture";
import { curveOf } from "./curve";
import { Marks } from "./marks";
import { type Camera, Painter } from "./painter";
import { type Palette, readPalette } from "./palette";
import { styleOf } from "./style";

export interface CanvasListener {
  /** A card or frame, or nothing. */
  picked(id: string | null): void;
  /** A card or frame should open or close. */
  toggled(id: string): void;
  /** By hand. null: it is where `fit` has put it. */
  moved(camera: Camera | null): void;
}

/** live: the cluster has changed, which is marked. same: the same picture, drawn again. other: another picture. */
export type News = "live" | "same" | "other";

/** The right end of a card that opens, and of a room's title, in the units of the picture. */
const SIGN = 30;
const FRAME_TITLE = 44;
/** About half the width of a letter of a label. */
const LETTER = 3.1;
const MARGIN = 36;
/** A picture with frames is a map, which is shown whole. A focus is shown large enough to read. */
const READABLE = 0.55;
const GLIDE = 220;
const EMPTY: Picture = { frames: [], cards: [], lines: [] };

export class Canvas {
  readonly #cy: Core;
  readonly #painter: Painter;
  readonly #marks: Marks;
  readonly #container: HTMLElement;
  readonly #listener: CanvasListener;
  #palette: Palette;
  #picture = EMPTY;
  #seen = false;
  #placed = new Map<string, PlacedCard>();
  #selected: string | null = null;
  #lit: ReadonlySet<string> | null = null;

  constructor(container: HTMLElement, overlay: HTMLCanvasElement, listener: CanvasListener) {
    this.#container = container;
    this.#listener = listener;
    this.#palette = readPalette(container);
    this.#painter = new Painter(overlay);
    this.#marks = new Marks(() => this.#paint());
    this.#cy = cytoscape({
      container,
      style: styleOf(this.#palette),
      minZoom: 0.06,
      maxZoom: 2.5,
      autoungrabify: true,
      boxSelectionEnabled: false,
      selectionType: "single",
    });
    this.#cy.on("render", () => this.#paint());
    this.#cy.on("tap", (event) => this.#tapped(event));
    this.#cy.on("dbltap", "node", (event) => {
      // The sign has had its say with each single tap.
      if (partOf(event, this.#cy) === "body") this.#listener.toggled(idOf(event));
    });
    this.#cy.on("mouseover mouseout", "node", (event) => this.#hovered(event));
    // Not what is shown by `fit`: that is where it is for its own sake, and other on another screen.
    this.#cy.on("dragpan scrollzoom pinchzoom", () => this.#listener.moved(this.camera));
    void document.fonts.ready.then(() => {
      this.#painter.forgetText();
      this.#paint();
    });
  }

  get camera(): Camera {
    return { zoom: this.#cy.zoom(), ...this.#cy.pan() };
  }

  set camera({ zoom, x, y }: Camera) {
    this.#cy.viewport({ zoom, pan: { x, y } });
  }

  get size(): { width: number; height: number } {
    return { width: this.#container.clientWidth, height: this.#container.clientHeight };
  }

  /** Colours have changed. */
  repaint(): void {
    this.#palette = readPalette(this.#container);
    this.#cy.style(styleOf(this.#palette));
    this.#paint();
  }

  resize(): void {
    this.#cy.resize();
    this.#paint();
  }

  /** Whether the view is still moving to its goal. */
  set busy(busy: boolean) {
    this.#container.setAttribute("aria-busy", String(busy));
  }

  /** Draw this instead. changed: cards with news. */
  show(picture: Picture, news: News, changed: ReadonlySet<string>): void {
    const before = this.#placed;
    this.#picture = picture;
    this.#placed = new Map(picture.cards.map((placed) => [placed.card.id, placed]));
    if (news === "other") this.#marks.clear();
    else if (news === "live") this.#mark(before, changed);
    this.#cy.batch(() => this.#sync());
    this.#relight();
    this.#paint();
  }

  /** selected: a card or frame. lit: the cards that are spoken of, the rest is dimmed; null: all. */
  emphasize(selected: string | null, lit: ReadonlySet<string> | null): void {
    this.#selected = selected;
    this.#lit = lit;
    this.#relight();
    this.#paint();
  }

  /**
   * Bring these cards and frames, or everything, into view; never closer than a card at its own size.
   *
   * about: what is in the middle of a picture that is read and too large.
   */
  fit(ids?: readonly string[], about?: string): void {
    this.#listener.moved(null);
    const wanted = ids?.map((id) => this.#cy.getElementById(id)).filter((each) => each.nonempty());
    const elements = wanted?.length ? this.#cy.collection(wanted as never) : this.#cy.nodes();
    if (elements.empty()) return;
    const box = elements.boundingBox({ includeLabels: false });
    const { width, height } = this.size;
    const zoom = Math.min(1.15, (width - 2 * MARGIN) / box.w, (height - 2 * MARGIN) / box.h);
    const middle = this.#placed.get(about ?? "");
    if (zoom < READABLE && middle !== undefined && this.#picture.frames.length === 0) {
      this.#centre({ x: middle.x + middle.width / 2, y: middle.y + middle.height / 2 }, READABLE);
      return;
    }
    const x = width / 2 - (zoom * (box.x1 + box.x2)) / 2;
    const top = zoom * box.h < height * 0.6 ? (height - zoom * box.h) / 2.6 : (height - zoom * box.h) / 2;
    this.#glide({ zoom, x, y: top - zoom * box.y1 });
  }

  /** Bring a card or frame into view if it is not. */
  reveal(id: string): void {
    const element = this.#cy.getElementById(id);
    if (element.empty()) return;
    const box = element.renderedBoundingBox({ includeLabels: false });
    const { width, height } = this.size;
    const inside = box.x1 > 8 && box.y1 > 8 && box.x2 < width - 8 && box.y2 < height - 8;
    if (inside && box.w > 60) return;
    this.#centre(element.position(), Math.max(this.#cy.zoom(), READABLE));
  }

  #centre({ x, y }: { x: number; y: number }, zoom: number): void {
    const { width, height } = this.size;
    this.#glide({ zoom, x: width / 2 - x * zoom, y: height / 2 - y * zoom });
  }

  zoomBy(factor: number): void {
    const { width, height } = this.size;
    this.#cy.zoom({ level: this.#cy.zoom() * factor, renderedPosition: { x: width / 2, y: height / 2 } });
    this.#listener.moved(this.camera);
  }

  /** The card that is nearest to this one in a direction; without a card, the one in the middle. */
  next(id: string | null, direction: { x: number; y: number }): string | undefined {
    const from = id === null ? undefined : this.#placed.get(id);
    if (from === undefined) return this.#picture.cards[0]?.card.id;
    const far = this.#picture.cards.flatMap((placed) => {
      const x = placed.x - from.x;
      const y = placed.y - from.y;
      const ahead = x * direction.x + y * direction.y;
      const aside = Math.abs(x * direction.y) + Math.abs(y * direction.x);
      return ahead > 4 ? [{ id: placed.card.id, distance: ahead + 2.5 * aside }] : [];
    });
    return far.sort((one, other) => one.distance - other.distance)[0]?.id;
  }

  #glide(camera: Camera): void {
    this.#cy.stop();
    this.busy = false;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    // There is nowhere to glide from when nothing has been seen yet.
    if (still || !this.#seen) this.camera = camera;
    else {
      const { zoom, x, y } = camera;
      this.busy = true;
      const complete = () => {
        this.busy = false;
      };
      this.#cy.animate({ zoom, pan: { x, y } }, { duration: GLIDE, easing: "ease-out", complete });
    }
    this.#seen = true;
  }

  #mark(before: ReadonlyMap<string, PlacedCard>, changed: ReadonlySet<string>): void {
    for (const id of this.#placed.keys()) {
      if (changed.has(id)) this.#marks.add(id, before.has(id) ? "changed" : "new");
    }
    for (const [id, placed] of before) if (!this.#placed.has(id)) this.#marks.remove(placed);
  }

  #sync(): void {
    const nodes = [...this.#picture.frames.map(frameElement), ...this.#picture.cards.map(cardElement)];
    const lines = this.#picture.lines.flatMap((placed) => {
      const from = this.#placed.get(placed.line.from);
      const to = this.#placed.get(placed.line.to);
      return from && to ? [lineElement(placed, from, to)] : [];
    });
    const wanted = new Map([...nodes, ...lines].map((element) => [String(element.data.id), element]));
    this.#cy.elements().forEach((element) => {
      if (!wanted.has(element.id())) element.remove();
    });
    for (const [id, element] of wanted) this.#put(id, element);
  }

  /** Add it, or change of it what differs: every change costs a new drawing of it. */
  #put(id: string, wanted: ElementDefinition): void {
    const element = this.#cy.getElementById(id);
    if (element.empty()) {
      this.#cy.add(wanted);
      return;
    }
    if (element.data("signature") !== wanted.data["signature"]) {
      element.data(wanted.data);
      if (wanted.classes !== undefined) element.classes(wanted.classes as string);
    }
    if (wanted.position === undefined) return;
    const { x, y } = element.position();
    if (x !== wanted.position.x || y !== wanted.position.y) element.position(wanted.position);
  }

  #relight(): void {
    const lit = this.#lit;
    const selected = this.#selected;
    this.#cy.batch(() => {
      this.#cy.nodes().forEach((node) => {
        setClass(node, "selected", node.id() === selected);
        setClass(node, "dim", !node.data("frame") && isDim(node.id(), node.data("status"), lit));
      });
      this.#cy.edges().forEach((edge) => {
        const near = edge.data("source") === selected || edge.data("target") === selected;
        setClass(edge, "near", near && !edge.hasClass("path"));
        setClass(edge, "dim", lit !== null && !near);
      });
    });
  }

  #tapped(event: EventObject): void {
    const part = partOf(event, this.#cy);
    if (part === "sign") this.#listener.toggled(idOf(event));
    else this.#listener.picked(part === "body" ? idOf(event) : null);
  }

  /** Shows its lines, and the text that did not fit on the card. */
  #hovered(event: EventObject): void {
    const placed = this.#placed.get(idOf(event));
    if (placed === undefined) return;
    const over = event.type === "mouseover";
    event.target.toggleClass("hover", over);
    this.#container.style.cursor = over ? "pointer" : "";
    this.#container.title = over ? wordsFor(placed.card) : "";
    if (over) event.target.connectedEdges().not(".path").addClass("near");
    else this.#relight();
  }

  #paint(): void {
    const lit = this.#lit;
    this.#painter.paint({
      picture: this.#picture,
      camera: this.camera,
      palette: this.#palette,
      marks: this.#marks,
      dim: (card) => isDim(card.id, card.status, lit),
    });
  }
}

/** Broken resources are never dimmed. */
const isDim = (id: string, status: Status, lit: ReadonlySet<string> | null): boolean =>
  lit !== null && !lit.has(id) && status !== "Error";

/** The library styles an element again whenever a class is set, even if nothing changes. */
function setClass(element: SingularElementArgument, name: string, on: boolean): void {
  if (element.hasClass(name) !== on) element.toggleClass(name, on);
}

/** What was hit: the sign that opens and closes, the rest of a card or title, or neither. */
function partOf(event: EventObject, cy: Core): "sign" | "body" | "ground" {
  if (event.target === cy) return "ground";
  const { form, opens, frame, width, height } = event.target.data();
  const centre = event.target.position();
  const fromRight = centre.x + width / 2 - event.position.x;
  const fromTop = event.position.y - centre.y + height / 2;
  if (frame && fromTop > FRAME_TITLE) return "ground";
  return (opens || form === "room") && fromRight < SIGN ? "sign" : "body";
}

const idOf = (event: EventObject): string => event.target.id();

function wordsFor(card: Card): string {
  const { kind, title, status, reason } = card;
  const number = total(card.counts) > 1 ? ` ×${total(card.counts)}` : "";
  return `${kind} ${title}${number}\n${[status, reason].filter(Boolean).join(": ")}`;
}

function frameElement(frame: Frame): ElementDefinition {
  const { id, form, width, height } = frame;
  const signature = `${width} ${height} ${frame.old ?? false}`;
  return {
    // A card of the same id, when it was closed, had a status.
    data: {
      id,
      form,
      status: "",
      width,
      height,
      frame: true,
      opens: false,
      old: frame.old ?? false,
      signature,
    },
    position: { x: frame.x + width / 2, y: frame.y + height / 2 },
  };
}

function cardElement(placed: PlacedCard): ElementDefinition {
  const { card, width, height } = placed;
  const signature = `${card.form} ${card.status} ${card.opens}`;
  return {
    data: {
      ...{ id: card.id, form: card.form, status: card.status, opens: card.opens },
      ...{ width, height, frame: false, signature },
    },
    position: { x: placed.x + width / 2, y: placed.y + height / 2 },
  };
}

function lineElement({ line, bends }: PlacedLine, from: PlacedCard, to: PlacedCard): ElementDefinition {
  const curve = curveOf(from, to, bends);
  const more = line.types.length > 1 ? ` +${line.types.length - 1}` : "";
  const label = `${line.types[0] ?? ""}${more}`;
  const classes = [line.cross ? "cross" : "", line.path ? "path" : ""].filter(Boolean);
  const signature = `${label} ${classes.join()} ${curve.weights.join()} ${from.x} ${from.y} ${to.x} ${to.y}`;
  return {
    data: {
      ...{ id: line.id, source: line.from, target: line.to, label, signature },
      offset: Math.max(24, label.length * LETTER + 4),
      ...{ weights: curve.weights, distances: curve.distances },
      ...{ source_end: curve.source, target_end: curve.target },
    },
    classes,
  };
}
