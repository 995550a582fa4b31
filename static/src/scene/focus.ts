/** The focus: the way from symptoms to a cause, and all that depends on it. Nothing else is drawn. */

import type { Node } from "@astrolabe/stream";
import { Below } from "../cluster/below";
import { type Card, deal, ghostCard, releaseCard } from "../cluster/cards";
import type { Cluster } from "../cluster/cluster";
import { count } from "../cluster/counts";
import { groupBy } from "../cluster/grouping";
import { groupOf } from "../cluster/index";
import { nameOf } from "../cluster/names";
import type { Study } from "../state/answers";
import { releaseIn } from "./map";
import { gatherLines, type Line, type Scene } from "./scene";

/** With more cards than this, dependents that are well are gathered by release. */
const CARDS_AT_MOST = 60;

export interface FocusOptions {
  readonly open: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
}

/** The focus that a study describes; null if none of its resources exists any longer. */
export function drawFocus(graph: Cluster, study: Study, options: FocusOptions): Scene | null {
  const chain = new Set([...study.asked, ...study.chain.flatMap((step) => step.uid ?? [])]);
  // What something needs, or others lack, depends on nothing that was asked about.
  const needs = study.forecast === null ? needsOf(graph, chain, options.hidden) : [];
  const about = [...chain, ...study.broken, ...study.dependents, ...needs];
  const nodes = [...new Set(about)].flatMap((uid) => graph.nodes.get(uid) ?? []);
  if (nodes.length === 0) return null;
  const isOpen = (id: string) => options.open.has(id);
  const dealt = deal(graph, nodes, isOpen);
  const deck = dealt.cards.size > CARDS_AT_MOST ? gathered(graph, nodes, chain, isOpen) : dealt;
  return withGhosts(graph, nodes, deck, study, options.hidden);
}

type Deck = ReturnType<typeof deal>;

/** Ready resources that those on the path need directly: the cause may be there although nothing reports it. */
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

function withGhosts(
  graph: Cluster,
  nodes: readonly Node[],
  deck: Deck,
  study: Study,
  hidden: ReadonlySet<string>,
): Scene {
  const broken = new Set(study.broken);
  const isPath = (from: string, to: string) => broken.has(from) && broken.has(to);
  const lines = gatherLines(graph, deck.cardOf, { hidden, roomOf: () => "", isPath });
  const cards = new Map<string, Card>(deck.cards);
  const below = new Below(graph, (uid) => deck.cardOf.has(uid));
  for (const node of study.forecast === null ? nodes : []) {
    for (const reference of node.unresolved ?? []) {
      if (below.lacks(node, reference)) continue;
      const ghost = ghostCard(graph.kinds, reference, node.cluster);
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

/** The cards on the path from the symptom to its cause. */
export function storyOf(scene: Scene, study: Study): Card[] {
  const ids = study.chain.map((step) =>
    step.uid === undefined ? `ghost|${nameOf(step)}` : scene.cardOf.get(step.uid),
  );
  return [...new Set(ids)].flatMap((id) => (id === undefined ? [] : (scene.cards.get(id) ?? [])));
}
