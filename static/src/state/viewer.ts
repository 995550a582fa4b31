/** The one place where what the stream tells and what a person does come together. */

import type { Change, ConnectionState, Node, ProblemSort, ServerState } from "@astrolabe/stream";
import type { Canvas } from "../canvas/canvas";
import type { Camera } from "../canvas/painter";
import type { Card } from "../cluster/cards";
import type { Cluster } from "../cluster/cluster";
import { areEqual, type Filter, type Sieve, toggle } from "../cluster/filter";
import { groupOf, type Index } from "../cluster/index";
import { nameOf } from "../cluster/names";
import type { Dimension, Group, Groups } from "../groups/group";
import { unscopedKinds, within } from "../groups/within";
import { openAtFirst } from "../scene/map";
import { Answers, type Study } from "./answers";
import { Content } from "./content";
import { Descriptions } from "./descriptions";
import { Drawing } from "./drawing";
import { IMPACT, PROBLEM, subjectOf } from "./focus";
import { Found, type FoundNodes } from "./found";
import { Identity } from "./identity";
import { emptyPage, type Page } from "./page";
import { PageStore } from "./page-store";
import { ProblemList } from "./problem-list";
import { Query } from "./query";
import { textOf } from "./selection";
import type { Session } from "./session";
import { Stream } from "./stream";
import { stateOf, trustOf } from "./trust";
import { readView, scopeOf, type View, writeView } from "./url";

export class Viewer {
  /** What the fields for searches ask. */
  readonly search: Query;
  readonly filterSearch: Query;
  readonly #store: PageStore;
  readonly #content: Content;
  readonly #drawing: Drawing;
  readonly #stream: Stream;
  readonly #descriptions: Descriptions;
  readonly #session: Session;
  readonly #identity: Identity;
  readonly #answers: Answers;
  readonly #problems: ProblemList;
  readonly #found: Found;
  #fallbackHidden = false;

  constructor(url: string, session: Session) {
    const view = readView(location.search);
    this.#session = session;
    this.#store = new PageStore(emptyPage(view, session.token !== null));
    this.#stream = new Stream(url, session, view, {
      onChange: (changes) => this.#changed(changes),
      onConnection: (connection) => this.#connected(connection),
      onServerState: (state) => this.#told(state),
      onFallback: (fallback) => this.#store.set({ fallback: this.#fallbackHidden ? null : fallback }),
      onServerUpdate: () => this.#store.set({ updated: true }),
    });
    this.#content = new Content(this.#stream.graph);
    this.#drawing = new Drawing(this.#store, this.#content);
    this.#descriptions = new Descriptions(url, () => this.#session.token, {
      onDescriptions: (kinds, edgeTypes) => {
        if (kinds !== null) Object.assign(this.graph, { kinds, edgeTypes });
        this.#described();
      },
    });
    const token = () => this.#session.token;
    this.#identity = new Identity(url, token, (user) => this.#store.set({ user }));
    this.#answers = new Answers(url, token, { onStudy: (study) => this.#studied(study) });
    this.#problems = new ProblemList(url, token, {
      onProblems: (problems) => {
        this.#store.set({ problems });
        this.#answers.changed();
        if (this.page.overview !== null) this.#drawing.request();
      },
    });
    this.#found = new Found(url, token, {
      onFound: (found, isOther) => this.#sifted(found, isOther),
      onFault: (fault) => this.#store.set({ fault }),
    });
    const scope = () => scopeOf(this.page.view);
    this.search = new Query(url, token, scope);
    this.filterSearch = new Query(url, token, scope);
  }

  get page(): Page {
    return this.#store.page;
  }

  get index(): Index {
    return this.#content.index;
  }

  get graph(): Cluster {
    return this.#content.graph;
  }

  get position(): { epoch: string; seq: number } | null {
    return this.#stream.graph.position;
  }

  /** The context of a kubeconfig in which a node is: one of several clusters is named after it. */
  contextOf(node: Node): string {
    return node.cluster || this.page.cluster?.context || "";
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
    this.#store.set({ fallback: null });
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
    return this.#store.subscribe(listener);
  }

  /** The canvas draws from now on. */
  attach(canvas: Canvas): void {
    this.#drawing.attach(canvas);
  }

  /** One of several clusters, or all of them (empty). What is open or selected of the last one is left. */
  showCluster(cluster: string): void {
    if (cluster === this.page.view.cluster) return;
    this.#store.go({ cluster, open: null, focus: null, selected: null, camera: null }, "push");
    this.#follow(this.page.view);
  }

  setFilter(filter: Filter): void {
    this.#look({ filter });
  }

  /** At other resources, from where all of them are seen. */
  #look(change: Partial<View>): void {
    this.#drawing.clear();
    this.#drawing.fitNext = "all";
    this.#store.go({ open: null, focus: null, camera: null, ...change }, "push");
    this.#study();
    this.#problems.show(this.page.view);
    this.#found.show(this.page.view);
    this.#open(change.open ?? openAtFirst(this.graph, this.sieve), change.open ?? null);
  }

  /** What the tiles of the map are. */
  groupBy(by: Dimension): void {
    this.#store.go({ by, camera: null, selected: null }, "push");
    this.#open(new Set(), null);
  }

  /** Look into a group: what is in it is the filter from now on. */
  enter(by: Dimension, group: Group): void {
    if (by === "cluster") {
      this.showCluster(group.cluster);
      return;
    }
    const { view } = this.page;
    const filter = within(view.filter, by, group, unscopedKinds(this.graph));
    if (filter === null) return;
    // A release is opened, as there is nothing else to see.
    const open = by === "release" ? new Set([group.id]) : null;
    if (group.cluster === "" || group.cluster === view.cluster) {
      this.#look({ filter, open, by: null, table: null, selected: null });
      return;
    }
    const { cluster } = group;
    this.#store.go({ cluster, filter, open, selected: null, camera: null, by: null, table: null }, "push");
    this.#follow(this.page.view);
  }

  /** Instead of the map; null: the map again. */
  showTable(table: string | null): void {
    this.#store.go({ table, focus: null, camera: null }, "push");
    this.#study();
    this.#drawing.fitNext = "all";
    this.#drawing.draw("other");
  }

  groupsBy(by: Dimension): Groups {
    return this.#drawing.groupsBy(by);
  }

  /** Of a table: those of a kind, or of all kinds that are not ready. */
  nodesOf(kind: string | null): Node[] {
    return this.#content.nodesOf(this.page.view.filter, kind);
  }

  /** What lets through what is shown. While a new search is not answered, that is what the last one found. */
  get sieve(): Sieve {
    return this.#content.sieveOf(this.page.view.filter);
  }

  setHidden(hidden: ReadonlySet<string>): void {
    this.#drawing.forgetLayouts();
    const isDefault = areEqual(hidden, this.graph.hiddenAtFirst);
    this.#store.go({ hidden: isDefault ? null : hidden }, "replace");
    this.#drawing.draw("other");
  }

  /** More or less of a group, stack or card; of one of an open stack: the stack is closed. */
  toggle(id: string): void {
    const card = this.page.scene.cards.get(id);
    const isOpen = this.page.open.has(id);
    const opens = card === undefined ? id.includes("|") : card.opens;
    const about = isOpen || opens ? id : this.stackAround(id);
    if (about === undefined) return;
    const open = toggle(this.page.open, about);
    const inFocus = this.page.view.focus !== null;
    // The rest of a group's room is placed again; other rooms stay as they are.
    this.#drawing.forget(inFocus ? "focus" : (id.split("|")[0] ?? ""));
    const grows = !isOpen && (card?.form === "release" || card?.form === "namespace");
    this.#drawing.fitNext = grows && !inFocus ? [id] : null;
    this.#open(open, open);
  }

  /** The open stack of which this card is a part. */
  stackAround(card: string): string | undefined {
    return [...this.page.open].find((id) => id.includes("|") && card.startsWith(`${id}|`));
  }

  closeAll(): void {
    this.#drawing.fitNext = "all";
    this.#drawing.tidyPlan();
    this.#open(new Set(), new Set());
  }

  /** Close the gaps that live changes have left. */
  tidy(): void {
    this.#drawing.clear();
    this.#drawing.fitNext = "all";
    this.#drawing.draw("other");
  }

  /** text: the name of a resource, or the id of a card or frame. Back leads to what was selected before. */
  select(text: string | null, how: "push" | "replace" = "push"): void {
    if (text === this.page.view.selected) return;
    const card = text === null ? undefined : this.page.scene.cards.get(text);
    this.#store.go({ selected: card === undefined ? text : textOf(this.graph, card) }, how);
    this.#drawing.emphasize();
    this.#drawing.reveal();
  }

  /** Walk over the cards: one step of the history for the whole walk. */
  walk(card: string | null): void {
    this.select(card, this.page.view.selected === null ? "push" : "replace");
  }

  /** Select it, with its group open, so that it can be seen. */
  find(node: Node, name: string): void {
    const group = groupOf(node);
    if (this.page.view.focus === null && !this.page.open.has(group)) {
      const open = new Set(this.page.open).add(group);
      this.#drawing.fitNext = [group];
      this.#store.go({ selected: name }, "push");
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
    return writeView({ ...this.page.view, focus: PROBLEM + id, selected: null, camera: null });
  }

  sortProblems(sort: ProblemSort): void {
    this.#store.go({ sort }, "replace");
    this.#problems.show(this.page.view);
  }

  #focusOn(focus: string): void {
    this.#store.go({ focus, selected: null }, "push");
    this.#store.set({ study: null });
    this.#study();
  }

  leaveFocus(): void {
    this.#drawing.fitNext = "all";
    this.#store.go({ focus: null }, "push");
    this.#study();
    this.#drawing.draw("other");
  }

  moved(camera: Camera | null): void {
    this.#store.goSoon({ camera });
  }

  fit(): void {
    this.#drawing.canvas?.fit();
  }

  #connected(connection: ConnectionState): void {
    if (connection.state === "catching-up") this.#descriptions.connected();
    const { state, trust: before, connection: last } = this.page;
    // Each part of a snapshot says the same again.
    const isNew = connection.state === "catching-up" && last.state !== "catching-up";
    if (isNew) void this.#identity.connected();
    const trust = trustOf(connection, state, before.coverage);
    this.#store.set({ connection, trust, signedIn: this.#session.token !== null });
    this.#problems.connected(connection);
    if (connection.state === "catching-up") this.#found.retry();
  }

  /** Begin anew with what this view asks the server for. */
  #follow(view: View): void {
    this.#drawing.clear();
    const { signedIn, clusters, user, cluster } = this.page;
    this.#store.set({ ...emptyPage(view, signedIn), clusters, user, cluster });
    this.#problems.connected(this.page.connection);
    this.#problems.show(view);
    this.#found.show(view);
    this.#answers.study(null);
    this.#stream.follow(view);
    this.#content.begin(this.#stream.graph);
  }

  /** Back and forward. */
  #returned(): void {
    const before = this.page.view;
    const view = readView(location.search);
    if (view.cluster !== before.cluster) {
      this.#follow(view);
      return;
    }
    const isOther = view.focus !== before.focus;
    this.#store.set({ view, ...(isOther ? { study: null } : {}) });
    if (isOther) this.#study();
    this.#problems.show(view);
    this.#found.show(view);
    if (writeView({ ...view, selected: before.selected }) === writeView(before)) {
      this.#drawing.emphasize();
      return;
    }
    this.#drawing.clear();
    this.#store.set({ open: view.open ?? openAtFirst(this.graph, this.sieve) });
    this.#drawing.fitNext = view.camera === null ? "all" : null;
    this.#drawing.draw("other");
    if (view.camera !== null && this.#drawing.canvas !== null) this.#drawing.canvas.camera = view.camera;
  }

  #open(open: ReadonlySet<string>, told: ReadonlySet<string> | null): void {
    this.#store.set({ open });
    this.#store.go({ open: told }, "replace");
    this.#drawing.draw("other");
  }

  #told(said: ServerState | null): void {
    const state = said === null ? null : stateOf(said, this.page.view.cluster);
    const clusters = said === null ? this.page.clusters : (said.clusters ?? []);
    const cluster = state?.cluster ?? this.page.cluster;
    const coverage = state === null ? this.page.trust.coverage : (state.coverage ?? null);
    const wasSyncing = this.page.trust.level === "syncing";
    this.#store.set({ state, cluster, clusters, trust: trustOf(this.page.connection, state, coverage) });
    if (wasSyncing && state !== null && state.state !== "syncing") this.#arrange();
  }

  /** What was drawn of the beginning of a sync is no picture of the whole: begin anew, where nobody has chosen. */
  #arrange(): void {
    const { view, loaded } = this.page;
    if (!loaded || view.open !== null) return;
    this.#store.set({ open: openAtFirst(this.graph, this.sieve) });
    if (view.camera === null && view.focus === null) this.tidy();
    else this.#drawing.draw("other");
  }

  /** Kinds stand elsewhere now. Without an answer all of them look alike. */
  #described(): void {
    if (this.page.loaded) this.tidy();
    else if (this.#stream.graph.complete) this.#begin();
  }

  /** The first picture. */
  #begin(): void {
    const { view } = this.page;
    this.#store.set({ loaded: true, open: view.open ?? this.#openAtFirst() });
    this.#drawing.fitNext = view.camera === null ? "all" : null;
    this.#drawing.draw("other");
    this.#problems.show(view);
    this.#found.show(view);
    this.#study();
  }

  /** The search of the filter finds other resources now. */
  #sifted(found: FoundNodes | null, isOther: boolean): void {
    this.#content.found = found;
    if (!this.page.loaded) return;
    if (!isOther) {
      this.#drawing.request();
      return;
    }
    if (this.page.view.open === null) this.#store.set({ open: openAtFirst(this.graph, this.sieve) });
    this.tidy();
  }

  #changed(changes: readonly Change[]): void {
    this.#content.apply(changes);
    if (!this.page.loaded) {
      if (!this.#descriptions.isAwaited) this.#begin();
      return;
    }
    for (const change of changes) {
      if (!("node" in change)) continue;
      this.#drawing.touch(change.node.uid);
      this.#descriptions.seen(change.node.kind);
    }
    if (changes.length === 0) return;
    this.#drawing.request();
    this.#answers.changed();
  }

  /** So little is known while the server syncs that all of it would be open. */
  #openAtFirst(): ReadonlySet<string> {
    if (this.page.trust.level === "syncing") return new Set();
    return openAtFirst(this.graph, this.sieve);
  }

  /** Ask the server about what is focused. Until it answers, the picture stays. */
  #study(): void {
    const { focus } = this.page.view;
    this.#store.set({ lost: false, ...(focus === null ? { study: null } : {}) });
    const subject = focus === null ? null : subjectOf(this.graph, this.index, focus);
    this.#answers.study(subject);
    if (focus !== null && subject === null) this.#studied(null);
  }

  /** What the server has answered of the focus. */
  #studied(study: Study | null): void {
    const isNew = this.page.study === null;
    if (isNew) {
      this.#drawing.forget("focus");
      this.#drawing.fitNext = "all";
    }
    this.#store.set({ study: study ?? this.page.study, lost: study === null });
    this.#drawing.draw(isNew ? "other" : "live");
  }
}
