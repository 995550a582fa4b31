/** The focus: the way from symptoms to a cause, and all that depends on it. Nothing else is drawn. */

import type { Node } from "@astrolabe/stream";
import { Below } from "../cluster/below";
import { type Card, deal, ghostCard, releaseCard } from "../cluster/cards";
import { causesOf, chainOf, dependentsOf } from "../cluster/causes";
import type { Cluster } from "../cluster/cluster";
import { count } from "../cluster/counts";
import { groupBy } from "../cluster/grouping";
import { groupOf } from "../cluster/index";
import { releaseIn } from "./map";
import { gatherLines, type Line, type Scene } from "./scene";

/** With more cards than this, dependents that are well are gathered by release. */
const CARDS_AT_MOST = 60;

export interface FocusOptions {
  readonly open: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
}

/** The focus on these resources; null when none of them is there any more. */
export function drawFocus(graph: Cluster, uids: readonly string[], options: FocusOptions): Scene | null {
  const roots = uids.filter((uid) => graph.nodes.has(uid));
  if (roots.length === 0) return null;
  const chain = chainOf(graph, roots);
  const dependents = dependentsOf(graph, chain);
  const about = [...chain, ...dependents, ...needsOf(graph, chain, options.hidden)];
  const nodes = [...new Set(about)].flatMap((uid) => graph.nodes.get(uid) ?? []);
  const isOpen = (id: string) => options.open.has(id);
  const dealt = deal(graph, nodes, isOpen);
  const deck = dealt.cards.size > CARDS_AT_MOST ? gathered(graph, nodes, chain, isOpen) : dealt;
  return withGhosts(graph, nodes, deck, options.hidden);
}

type Deck = ReturnType<typeof deal>;

/** What those on the way need directly and is well: where the cause may be that nobody reports. */
function needsOf(graph: Cluster, chain: ReadonlySet<string>, hidden: ReadonlySet<string>): string[] {
  return [...chain].flatMap((uid) =>
    [...graph.outgoing(uid)].filter((edge) => !hidden.has(edge.type)).map((edge) => edge.to),
  );
}

/** Those on the way and the broken ones as they are, the rest as a card for each release. */
function gathered(
  graph: Cluster,
  nodes: readonly Node[],
  chain: ReadonlySet<string>,
  isOpen: (id: string) => boolean,
): Deck {
  const near = nodes.filter((node) => chain.has(node.uid) || node.status === "Error");
  const rest = nodes.filter((node) => !chain.has(node.uid) && node.status !== "Error");
  const deck = deal(graph, near, isOpen);
  const cards = new Map(deck.cards);
  const cardOf = new Map(deck.cardOf);
  for (const [id, some] of groupBy(rest, groupOf)) {
    const card = releaseCard(graph.kinds, id, releaseIn(id), some);
    cards.set(id, { ...card, opens: false });
    for (const uid of card.members) cardOf.set(uid, id);
  }
  return { cards, cardOf };
}

function withGhosts(graph: Cluster, nodes: readonly Node[], deck: Deck, hidden: ReadonlySet<string>): Scene {
  const isPath = (from: string, to: string) => {
    const node = graph.nodes.get(from);
    return node !== undefined && causesOf(graph, node).some((cause) => cause.uid === to);
  };
  const lines = gatherLines(graph, deck.cardOf, { hidden, roomOf: () => "", isPath });
  const cards = new Map<string, Card>(deck.cards);
  const below = new Below(graph, (uid) => deck.cardOf.has(uid));
  for (const node of nodes) {
    for (const reference of node.unresolved ?? []) {
      if (below.lacks(node, reference)) continue;
      const ghost = ghostCard(graph.kinds, reference);
      cards.set(ghost.id, ghost);
      const line = lineTo(ghost, deck.cardOf.get(node.uid) ?? "", reference.type);
      lines.set(line.id, line);
    }
  }
  const counts = count(nodes.map((node) => node.status));
  const room = { id: "focus", title: "", counts, cards: [...cards.values()] };
  return { halls: [], room, lines, cards, cardOf: deck.cardOf };
}

function lineTo(ghost: Card, from: string, type: string): Line {
  const id = `${from} → ${ghost.id}`;
  return { id, from, to: ghost.id, types: [type], count: 1, cross: false, path: true };
}

/** The cards on the longest way to the cause, from the leftmost symptom on: what a person would tell. */
export function storyOf(scene: Scene): Card[] {
  const into = groupBy(
    [...scene.lines.values()].filter((line) => line.path),
    (line) => line.to,
  );
  const ends = [...scene.cards.values()].filter((card) => into.has(card.id) && !leads(scene, card));
  const ways = ends.map((card) => longestWay(scene, into, card.id, new Set()));
  const best = ways.reduce<string[]>((one, other) => (isBetter(scene, other, one) ? other : one), []);
  const way = best.length > 0 ? best : firstBroken(scene);
  return way.flatMap((id) => scene.cards.get(id) ?? []);
}

const leads = (scene: Scene, card: Card): boolean =>
  [...scene.lines.values()].some((line) => line.path && line.from === card.id);

function longestWay(
  scene: Scene,
  into: ReadonlyMap<string, Line[]>,
  end: string,
  seen: ReadonlySet<string>,
): string[] {
  const before = (into.get(end) ?? []).filter((line) => !seen.has(line.from));
  const ways = before.map((line) => longestWay(scene, into, line.from, new Set([...seen, end])));
  const best = ways.reduce<string[]>((one, other) => (isBetter(scene, other, one) ? other : one), []);
  return [...best, end];
}

/** A way that begins further left, else the longer one. */
function isBetter(scene: Scene, one: readonly string[], other: readonly string[]): boolean {
  if (other.length === 0 || one.length === 0) return one.length > 0;
  const column = (way: readonly string[]) => scene.cards.get(way[0] ?? "")?.column ?? Infinity;
  return column(one) - column(other) < 0 || (column(one) === column(other) && one.length > other.length);
}

const firstBroken = (scene: Scene): string[] =>
  [...scene.cards.values()]
    .filter((card) => card.status !== "Ready")
    .map((card) => card.id)
    .slice(0, 1);
