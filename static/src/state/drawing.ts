/** From what the page holds to the picture: what is drawn, where, and what of it is in view. */

import type { Canvas, News } from "../canvas/canvas";
import { countShown, isEverything, type Sieve } from "../cluster/filter";
import { clock } from "../cluster/time";
import { gather } from "../groups/gather";
import type { Dimension, Groups } from "../groups/group";
import { extentOf, groupsShown, levelOf } from "../groups/level";
import { Layouter } from "../layout/layouter";
import type { Picture } from "../layout/picture";
import { drawRoom, Plan } from "../layout/plan";
import { drawFocus, storyOf } from "../scene/focus";
import { drawMap } from "../scene/map";
import { countTypes, isComplete, isRoom, nearOf, type Scene } from "../scene/scene";
import type { Content } from "./content";
import { markOld } from "./old-wings";
import { EMPTY_SCENE } from "./page";
import type { PageStore } from "./page-store";
import { PictureSchedule } from "./picture-schedule";
import { resolve } from "./selection";

/** A mark on the browser's timeline. */
const FIRST_PICTURE = "first-picture";

export class Drawing {
  readonly #store: PageStore;
  readonly #content: Content;
  readonly #plan = new Plan();
  readonly #layouter = new Layouter(() => this.draw("same"));
  readonly #schedule = new PictureSchedule(() => this.draw("live"));
  /** uids that have changed since the last picture. */
  readonly #touched = new Set<string>();
  #canvas: Canvas | null = null;
  #isSeen = false;
  /** What is brought into view with the next picture. */
  fitNext: readonly string[] | "all" | null = null;

  constructor(store: PageStore, content: Content) {
    this.#store = store;
    this.#content = content;
  }

  get canvas(): Canvas | null {
    return this.#canvas;
  }

  /** The canvas draws from now on. */
  attach(canvas: Canvas): void {
    const { camera } = this.#store.page.view;
    this.#canvas = canvas;
    this.fitNext = camera === null ? "all" : null;
    if (camera !== null) canvas.camera = camera;
    this.draw("other");
  }

  /** Everything is placed anew with the next picture. */
  clear(): void {
    this.#touched.clear();
    this.#plan.tidy();
    this.#layouter.forgetAll();
  }

  /** All cards are placed anew, and the rooms stay as they are. */
  tidyPlan(): void {
    this.#plan.tidy();
  }

  forgetLayouts(): void {
    this.#layouter.forgetAll();
  }

  /** The layout of this room is made anew. */
  forget(room: string): void {
    this.#layouter.forget(room);
  }

  /** A node of the graph has changed. */
  touch(uid: string): void {
    this.#touched.add(uid);
  }

  /** A picture soon, with all that changes until then. */
  request(): void {
    this.#schedule.request();
  }

  draw(news: News): void {
    const { loaded, open, study, view } = this.#store.page;
    if (!loaded) return;
    this.#schedule.drawn();
    const { graph, index } = this.#content;
    const sieve = this.#content.sieveOf(view.filter);
    if (view.table !== null && view.focus === null) {
      this.#showTable(sieve);
      return;
    }
    const by = this.#levelOf(sieve);
    if (by !== null) {
      this.#drawGroups(by);
      return;
    }
    const hidden = view.hidden ?? graph.hiddenAtFirst;
    const options = { filter: sieve, open, hidden };
    const focused = study === null ? null : drawFocus(graph, study, options);
    const scene = focused ?? drawMap(graph, options);
    const changed = new Set([...this.#touched].flatMap((uid) => scene.cardOf.get(uid) ?? []));
    this.#touched.clear();
    this.#store.set({
      overview: null,
      scene,
      story: focused === null || study === null ? [] : storyOf(focused, study),
      ...countShown(graph, sieve, index.counts),
      edgeTypes: countTypes(graph),
      hidden,
    });
    this.#show(scene, news, changed);
  }

  /** What the filter lets through, in groups. */
  groupsBy(by: Dimension): Groups {
    const { graph, index } = this.#content;
    const { view, problems } = this.#store.page;
    return gather(graph, index, this.#content.sieveOf(view.filter), by, problems ?? []);
  }

  /** What is grouped by; null: there is room for single releases and resources, or somebody has asked for them. */
  #levelOf(sieve: Sieve): Dimension | null {
    const { view, open } = this.#store.page;
    if (view.focus !== null || open.size > 0 || view.camera !== null) return null;
    if (view.by !== null) return view.by;
    const { graph, index } = this.#content;
    const all = isEverything(sieve) && sieve.found === null;
    return levelOf(extentOf(index, all ? index.groups.keys() : groupsShown(graph, sieve)));
  }

  /** A table looks for itself at what it shows: nothing is drawn behind it. */
  #showTable(sieve: Sieve): void {
    const { graph, index } = this.#content;
    this.#touched.clear();
    this.#store.set({
      overview: null,
      scene: EMPTY_SCENE,
      story: [],
      ...countShown(graph, sieve, index.counts),
    });
    this.#seen();
    this.emphasize();
  }

  #drawGroups(by: Dimension): void {
    this.#touched.clear();
    const overview = this.groupsBy(by);
    const { counts, nodes } = overview;
    this.#store.set({ overview, scene: EMPTY_SCENE, story: [], counts, nodes });
    this.#seen();
    this.emphasize();
  }

  /** Show what is selected, and what is connected with it. */
  emphasize(): void {
    const { view, scene } = this.#store.page;
    const { graph, index } = this.#content;
    const selection = view.selected === null ? null : resolve(graph, index, scene, view.selected);
    this.#store.set({ selection });
    const card = selection?.card ?? null;
    // A focus shows little enough: nothing in it is dimmed.
    const dims = card !== null && scene.cards.has(card) && scene.room === null;
    this.#canvas?.emphasize(card, dims ? nearOf(scene, card) : null);
  }

  /** Bring what is selected into view. */
  reveal(): void {
    const card = this.#store.page.selection?.card;
    if (card) this.#canvas?.reveal(card);
  }

  #show(scene: Scene, news: News, changed: ReadonlySet<string>): void {
    if (this.#canvas === null) return;
    // Begun anew until the layouts of all rooms are there: only then is known what fits best.
    if (this.fitNext === "all") this.#plan.tidy();
    const picture = this.#pictureOf(scene);
    this.#canvas.show(picture, news, changed);
    this.#seen();
    this.emphasize();
    if (this.fitNext === null) return;
    if (!isComplete(scene, picture)) {
      this.#canvas.busy = true;
      return;
    }
    this.#canvas.fit(
      this.fitNext === "all" ? this.#selectedRoom() : this.fitNext,
      this.#store.page.story.at(-1)?.id,
    );
    this.fitNext = null;
  }

  #seen(): void {
    if (!this.#isSeen) requestAnimationFrame(() => performance.mark(FIRST_PICTURE));
    this.#isSeen = true;
  }

  /** Where what an address has picked is seen, when that is open. */
  #selectedRoom(): string[] | undefined {
    const { scene, selection, open } = this.#store.page;
    const group = scene.cards.get(selection?.card ?? "")?.group;
    return group !== undefined && open.has(group) ? [group] : undefined;
  }

  #pictureOf(scene: Scene): Picture {
    const rooms = scene.room ? [scene.room] : scene.halls.flatMap((hall) => hall.groups.filter(isRoom));
    const layouts = this.#layouter.of(rooms, scene.lines);
    const size = this.#canvas?.size ?? { width: 3, height: 2 };
    if (scene.room === null) {
      const picture = this.#plan.draw(scene, layouts, size);
      return markOld(picture, this.#store.page.clusters, (time) => clock(time, Date.now()));
    }
    return drawRoom(scene, layouts.get(scene.room.id));
  }
}
