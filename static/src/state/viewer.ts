/** The one place where what the stream tells and what a person does come together. */

import type { Change, ConnectionState, Node, ProblemSort, ServerState } from "@astrolabe/stream";
import type { Canvas, News } from "../canvas/canvas";
import type { Camera } from "../canvas/painter";
import type { Card } from "../cluster/cards";
import { Cluster } from "../cluster/cluster";
import { areEqual, countShown, type Filter, type Sieve, toggle } from "../cluster/filter";
import { groupOf, Index } from "../cluster/index";
import { nameOf } from "../cluster/names";
import { Layouter } from "../layout/layouter";
import type { Picture } from "../layout/picture";
import { drawRoom, Plan } from "../layout/plan";
import { drawFocus, storyOf } from "../scene/focus";
import { drawMap, openAtFirst } from "../scene/map";
import { countTypes, isComplete, isRoom, nearOf, type Scene } from "../scene/scene";
import { Address } from "./address";
import { Answers, type Study } from "./answers";
import { Descriptions } from "./descriptions";
import { IMPACT, PROBLEM, subjectOf } from "./focus";
import { Found, type FoundNodes } from "./found";
import { Identity } from "./identity";
import { emptyPage, type Page } from "./page";
import { PictureSchedule } from "./picture-schedule";
import { ProblemList } from "./problem-list";
import { Query } from "./query";
import { resolve, textOf } from "./selection";
import type { Session } from "./session";
import { Stream } from "./stream";
import { stateOf, trustOf } from "./trust";
import { readView, scopeOf, type View, writeView } from "./url";

/** A mark on the browser's timeline. */
const FIRST_PICTURE = "first-picture";

export class Viewer {
  /** What the fields for searches ask. */
  readonly search: Query;
  readonly filterSearch: Query;
  #index = new Index();
  readonly #stream: Stream;
  readonly #cluster: Cluster;
  readonly #descriptions: Descriptions;
  readonly #session: Session;
  readonly #identity: Identity;
  readonly #answers: Answers;
  readonly #problems: ProblemList;
  readonly #found: Found;
  readonly #plan = new Plan();
  readonly #layouter = new Layouter(() => this.#draw("same"));
  readonly #listeners = new Set<() => void>();
  #canvas: Canvas | null = null;
  #page: Page;
  /** uids that have changed since the last picture. */
  readonly #touched = new Set<string>();
  readonly #pictures = new PictureSchedule(() => this.#draw("live"));
  #shown = false;
  #fitNext: readonly string[] | "all" | null = null;
  readonly #address = new Address();
  #fallbackHidden = false;
  #foundNodes: FoundNodes | null = null;

  constructor(url: string, session: Session) {
    const view = readView(location.search);
    this.#session = session;
    this.#stream = new Stream(url, session, view, {
      onChange: (changes) => this.#changed(changes),
      onConnection: (connection) => this.#connected(connection),
      onServerState: (state) => this.#told(state),
      onFallback: (fallback) => this.#set({ fallback: this.#fallbackHidden ? null : fallback }),
      onServerUpdate: () => this.#set({ updated: true }),
    });
    this.#cluster = new Cluster(this.#stream.graph);
    this.#descriptions = new Descriptions(url, () => this.#session.token, {
      onDescriptions: (kinds, edgeTypes) => {
        if (kinds !== null) Object.assign(this.#cluster, { kinds, edgeTypes });
        this.#described();
      },
    });
    const token = () => this.#session.token;
    this.#identity = new Identity(url, token, (user) => this.#set({ user }));
    this.#answers = new Answers(url, token, { onStudy: (study) => this.#studied(study) });
    this.#problems = new ProblemList(url, token, {
      onProblems: (problems) => {
        this.#set({ problems });
        this.#answers.changed();
      },
    });
    this.#found = new Found(url, token, {
      onFound: (found, isOther) => this.#sifted(found, isOther),
      onFault: (fault) => this.#set({ fault }),
    });
    const scope = () => scopeOf(this.#page.view);
    this.search = new Query(url, token, scope);
    this.filterSearch = new Query(url, token, scope);
    this.#page = emptyPage(view, session.token !== null);
  }

  get page(): Page {
    return this.#page;
  }

  get index(): Index {
    return this.#index;
  }

  get graph(): Cluster {
    return this.#cluster;
  }

  get position(): { epoch: string; seq: number } | null {
    return this.#stream.graph.position;
  }

  start(): void {
    this.#stream.start();
    addEventListener("online", () => this.#stream.retry());
    addEventListener("popstate", () => this.#returned());
  }

  retry(): void {
    this.#stream.retry();
  }

  /** Whoever looks at the page may not be who runs the proxy. */
  hideFallback(): void {
    this.#fallbackHidden = true;
    this.#set({ fallback: null });
  }

  signIn(token: string): void {
    this.#session.keep(token);
    this.#stream.retry();
  }

  /** With the token all that it has shown is forgotten, and its streams end; the address stays. */
  signOut(): void {
    this.#session.forget();
    this.#stream.stop();
    this.#problems.stop();
    this.#found.stop();
    location.reload();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The canvas draws from now on. */
  attach(canvas: Canvas): void {
    this.#canvas = canvas;
    this.#fitNext = "all";
    if (this.#page.view.camera !== null) canvas.camera = this.#page.view.camera;
    if (this.#page.loaded) this.#draw("other");
  }

  /** One of several clusters, or all of them (empty). What is open or selected of the last one is left. */
  showCluster(cluster: string): void {
    if (cluster === this.#page.view.cluster) return;
    this.#go({ cluster, open: null, focus: null, selected: null, camera: null }, "push");
    this.#follow(this.#page.view);
  }

  setFilter(filter: Filter): void {
    this.#plan.tidy();
    this.#layouter.forgetAll();
    this.#fitNext = "all";
    this.#go({ filter, open: null, focus: null }, "push");
    this.#study();
    this.#problems.show(this.#page.view);
    this.#found.show(this.#page.view);
    this.#open(openAtFirst(this.graph, this.sieve), null);
  }

  /** What lets through what is shown. While a new search is not answered, that is what the last one found. */
  get sieve(): Sieve {
    return { ...this.#page.view.filter, found: this.#foundNodes };
  }

  setHidden(hidden: ReadonlySet<string>): void {
    this.#layouter.forgetAll();
    const isDefault = areEqual(hidden, this.#cluster.hiddenAtFirst);
    this.#go({ hidden: isDefault ? null : hidden }, "replace");
    this.#draw("other");
  }

  /** More or less of a group, stack or card; of one of an open stack: the stack is closed. */
  toggle(id: string): void {
    const card = this.#page.scene.cards.get(id);
    const isOpen = this.#page.open.has(id);
    const opens = card === undefined ? id.includes("|") : card.opens;
    const about = isOpen || opens ? id : this.stackAround(id);
    if (about === undefined) return;
    const open = toggle(this.#page.open, about);
    const inFocus = this.#page.view.focus !== null;
    // The rest of a group's room is placed again; other rooms stay as they are.
    this.#layouter.forget(inFocus ? "focus" : (id.split("|")[0] ?? ""));
    const grows = !isOpen && (card?.form === "release" || card?.form === "namespace");
    this.#fitNext = grows && !inFocus ? [id] : null;
    this.#open(open, open);
  }

  /** The open stack of which this card is a part. */
  stackAround(card: string): string | undefined {
    return [...this.#page.open].find((id) => id.includes("|") && card.startsWith(`${id}|`));
  }

  closeAll(): void {
    this.#fitNext = "all";
    this.#plan.tidy();
    this.#open(new Set(), new Set());
  }

  /** Close the gaps that live changes have left. */
  tidy(): void {
    this.#plan.tidy();
    this.#layouter.forgetAll();
    this.#fitNext = "all";
    this.#draw("other");
  }

  /** text: the name of a resource, or the id of a card or frame. Back leads to what was selected before. */
  select(text: string | null, how: "push" | "replace" = "push"): void {
    if (text === this.#page.view.selected) return;
    const card = text === null ? undefined : this.#page.scene.cards.get(text);
    this.#go({ selected: card === undefined ? text : textOf(this.graph, card) }, how);
    this.#emphasize();
    const shown = this.#page.selection?.card;
    if (shown) this.#canvas?.reveal(shown);
  }

  /** Walk over the cards: one step of the history for the whole walk. */
  walk(card: string | null): void {
    this.select(card, this.#page.view.selected === null ? "push" : "replace");
  }

  /** Select it, with its group open, so that it can be seen. */
  find(node: Node, name: string): void {
    const group = groupOf(node);
    if (this.#page.view.focus === null && !this.#page.open.has(group)) {
      const open = new Set(this.#page.open).add(group);
      this.#fitNext = [group];
      this.#go({ selected: name }, "push");
      this.#open(open, open);
    } else this.select(name);
  }

  /** Show what a search has found; nothing of it may be here yet. */
  findHit(hit: Pick<Node, "uid" | "kind" | "name" | "namespace">): void {
    const node = this.graph.nodes.get(hit.uid);
    if (node === undefined) this.select(nameOf(hit));
    else this.find(node, nameOf(node));
  }

  /** The way from the symptoms of this resource, or of a stack, to its cause. */
  focus(about: Node | Card): void {
    this.#focusOn("id" in about ? about.id : nameOf(about));
  }

  /** All that depends on this resource. */
  focusImpact(node: Node): void {
    this.#focusOn(IMPACT + nameOf(node));
  }

  /** The way from what users meet to the cause of a problem, and all that it affects. */
  focusProblem(id: string): void {
    this.#focusOn(PROBLEM + id);
  }

  /** The address of the page when it is focused on this problem. */
  addressOf(id: string): string {
    return writeView({ ...this.#page.view, focus: PROBLEM + id, selected: null, camera: null });
  }

  sortProblems(sort: ProblemSort): void {
    this.#go({ sort }, "replace");
    this.#problems.show(this.#page.view);
  }

  #focusOn(focus: string): void {
    this.#go({ focus, selected: null }, "push");
    this.#set({ study: null });
    this.#study();
  }

  leaveFocus(): void {
    this.#fitNext = "all";
    this.#go({ focus: null }, "push");
    this.#study();
    this.#draw("other");
  }

  moved(camera: Camera | null): void {
    this.#page = { ...this.#page, view: { ...this.#page.view, camera } };
    this.#address.writeSoon(() => this.#page.view);
  }

  fit(): void {
    this.#canvas?.fit();
  }

  #connected(connection: ConnectionState): void {
    if (connection.state === "catching-up") this.#descriptions.connected();
    const { state, trust: before, connection: last } = this.#page;
    // Each part of a snapshot says the same again.
    const isNew = connection.state === "catching-up" && last.state !== "catching-up";
    if (isNew) void this.#identity.connected();
    const trust = trustOf(connection, state, before.coverage);
    this.#set({ connection, trust, signedIn: this.#session.token !== null });
    this.#problems.connected(connection);
    if (connection.state === "catching-up") this.#found.retry();
  }

  /** Begin anew with what this view asks the server for. */
  #follow(view: View): void {
    this.#index = new Index();
    this.#foundNodes = null;
    this.#touched.clear();
    this.#plan.tidy();
    this.#layouter.forgetAll();
    const { signedIn, clusters, user, cluster } = this.#page;
    this.#page = { ...emptyPage(view, signedIn), clusters, user, cluster };
    this.#problems.connected(this.#page.connection);
    this.#problems.show(view);
    this.#found.show(view);
    this.#answers.study(null);
    this.#stream.follow(view);
    this.#cluster.show(this.#stream.graph);
    this.#set({});
  }

  #go(change: Partial<View>, how: "push" | "replace"): void {
    this.#set({ view: { ...this.#page.view, ...change } });
    this.#address.write(this.#page.view, how);
  }

  /** Back and forward. */
  #returned(): void {
    const before = this.#page.view;
    const view = readView(location.search);
    if (view.cluster !== before.cluster) {
      this.#follow(view);
      return;
    }
    const isOther = view.focus !== before.focus;
    this.#set({ view, ...(isOther ? { study: null } : {}) });
    if (isOther) this.#study();
    this.#problems.show(view);
    this.#found.show(view);
    if (writeView({ ...view, selected: before.selected }) === writeView(before)) {
      this.#emphasize();
      return;
    }
    this.#plan.tidy();
    this.#layouter.forgetAll();
    this.#set({ open: view.open ?? openAtFirst(this.graph, this.sieve) });
    this.#fitNext = view.camera === null ? "all" : null;
    this.#draw("other");
    if (view.camera !== null && this.#canvas !== null) this.#canvas.camera = view.camera;
  }

  #open(open: ReadonlySet<string>, told: ReadonlySet<string> | null): void {
    this.#set({ open });
    this.#go({ open: told }, "replace");
    this.#draw("other");
  }

  #set(change: Partial<Page>): void {
    this.#page = { ...this.#page, ...change };
    for (const listener of this.#listeners) listener();
  }

  #told(said: ServerState | null): void {
    const state = said === null ? null : stateOf(said, this.#page.view.cluster);
    const clusters = said === null ? this.#page.clusters : (said.clusters ?? []);
    const cluster = state?.cluster ?? this.#page.cluster;
    const coverage = state === null ? this.#page.trust.coverage : (state.coverage ?? null);
    const wasSyncing = this.#page.trust.level === "syncing";
    this.#set({ state, cluster, clusters, trust: trustOf(this.#page.connection, state, coverage) });
    if (wasSyncing && state !== null && state.state !== "syncing") this.#arrange();
  }

  /** What was drawn of the beginning of a sync is no picture of the whole: begin anew, where nobody has chosen. */
  #arrange(): void {
    const { view, loaded } = this.#page;
    if (!loaded || view.open !== null) return;
    this.#set({ open: openAtFirst(this.graph, this.sieve) });
    if (view.camera === null && view.focus === null) this.tidy();
    else this.#draw("other");
  }

  /** Kinds stand elsewhere now. Without an answer all of them look alike. */
  #described(): void {
    if (this.#page.loaded) this.tidy();
    else if (this.#stream.graph.complete) this.#begin();
  }

  get #hidden(): ReadonlySet<string> {
    return this.#page.view.hidden ?? this.#cluster.hiddenAtFirst;
  }

  /** The first picture. */
  #begin(): void {
    const { view } = this.#page;
    this.#page = {
      ...this.#page,
      loaded: true,
      open: view.open ?? this.#openAtFirst(),
    };
    this.#fitNext = view.camera === null ? "all" : null;
    this.#draw("other");
    this.#problems.show(view);
    this.#found.show(view);
    this.#study();
  }

  /** The search of the filter finds other resources now. */
  #sifted(found: FoundNodes | null, isOther: boolean): void {
    this.#foundNodes = found;
    if (!this.#page.loaded) return;
    if (!isOther) {
      this.#pictures.request();
      return;
    }
    if (this.#page.view.open === null) this.#set({ open: openAtFirst(this.graph, this.sieve) });
    this.tidy();
  }

  #changed(changes: readonly Change[]): void {
    this.#index.apply(changes);
    if (!this.#page.loaded) {
      if (!this.#descriptions.isAwaited) this.#begin();
      return;
    }
    for (const change of changes) {
      if (!("node" in change)) continue;
      this.#touched.add(change.node.uid);
      this.#descriptions.seen(change.node.kind);
    }
    if (changes.length === 0) return;
    this.#pictures.request();
    this.#answers.changed();
  }

  /** So little is known while the server syncs that all of it would be open. */
  #openAtFirst(): ReadonlySet<string> {
    if (this.#page.trust.level === "syncing") return new Set();
    return openAtFirst(this.graph, this.sieve);
  }

  #draw(news: News): void {
    if (!this.#page.loaded) return;
    this.#pictures.drawn();
    const { open } = this.#page;
    const options = { filter: this.sieve, open, hidden: this.#hidden };
    const { study } = this.#page;
    const focused = study === null ? null : drawFocus(this.graph, study, options);
    const scene = focused ?? drawMap(this.graph, options);
    const changed = new Set([...this.#touched].flatMap((uid) => scene.cardOf.get(uid) ?? []));
    this.#touched.clear();
    this.#set({
      scene,
      story: focused === null || study === null ? [] : storyOf(focused, study),
      ...countShown(this.graph, this.sieve, this.#index.counts),
      edgeTypes: countTypes(this.graph),
      hidden: this.#hidden,
    });
    this.#show(scene, news, changed);
  }

  /** Ask the server about what is focused. Until it answers, the picture stays. */
  #study(): void {
    const { focus } = this.#page.view;
    this.#set({ lost: false, ...(focus === null ? { study: null } : {}) });
    const subject = focus === null ? null : subjectOf(this.graph, this.#index, focus);
    this.#answers.study(subject);
    if (focus !== null && subject === null) this.#studied(null);
  }

  /** What the server has answered of the focus. */
  #studied(study: Study | null): void {
    const isNew = this.#page.study === null;
    if (isNew) {
      this.#layouter.forget("focus");
      this.#fitNext = "all";
    }
    this.#set({ study: study ?? this.#page.study, lost: study === null });
    this.#draw(isNew ? "other" : "live");
  }

  #show(scene: Scene, news: News, changed: ReadonlySet<string>): void {
    if (this.#canvas === null) return;
    // Begun anew until the layouts of all rooms are there: only then is known what fits best.
    if (this.#fitNext === "all") this.#plan.tidy();
    const picture = this.#pictureOf(scene);
    this.#canvas.show(picture, news, changed);
    if (!this.#shown) requestAnimationFrame(() => performance.mark(FIRST_PICTURE));
    this.#shown = true;
    this.#emphasize();
    if (this.#fitNext === null) return;
    if (!isComplete(scene, picture)) {
      this.#canvas.busy = true;
      return;
    }
    this.#canvas.fit(
      this.#fitNext === "all" ? this.#selectedRoom() : this.#fitNext,
      this.#page.story.at(-1)?.id,
    );
    this.#fitNext = null;
  }

  /** Where what an address has picked is seen, when that is open. */
  #selectedRoom(): string[] | undefined {
    const group = this.#page.scene.cards.get(this.#page.selection?.card ?? "")?.group;
    return group !== undefined && this.#page.open.has(group) ? [group] : undefined;
  }

  #pictureOf(scene: Scene): Picture {
    const rooms = scene.room ? [scene.room] : scene.halls.flatMap((hall) => hall.groups.filter(isRoom));
    const layouts = this.#layouter.of(rooms, scene.lines);
    const size = this.#canvas?.size ?? { width: 3, height: 2 };
    if (scene.room === null) return this.#plan.draw(scene, layouts, size);
    return drawRoom(scene, layouts.get(scene.room.id));
  }

  #emphasize(): void {
    const { view, scene } = this.#page;
    const selection = view.selected === null ? null : resolve(this.graph, this.#index, scene, view.selected);
    this.#set({ selection });
    const card = selection?.card ?? null;
    // A focus shows little enough: nothing in it is dimmed.
    const dims = card !== null && scene.cards.has(card) && scene.room === null;
    this.#canvas?.emphasize(card, dims ? nearOf(scene, card) : null);
  }
}
