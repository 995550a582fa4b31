/** What is drawn of a group: a card for each resource, or for a stack of those that are alike. */

import { type Kinds, type Node, type Status, severity, type Unresolved } from "@astrolabe/stream";
import type { Cluster } from "./cluster";
import { type Counts, count, worst } from "./counts";
import { groupBy } from "./grouping";
import { isIdle, shownStatus } from "./idle";
import { directOwnerOf, type GroupId, groupOf, ownerOf, placeIn } from "./index";
import { inCluster, nameOf, withoutCluster } from "./names";

/** Made of names, so that it outlives what it shows, and may be in an address. */
export type CardId = string;

/**
 * form: a resource; a stack of resources; all of a release, of a namespace or of a cluster; or a ghost, which is
 * referred to and does not exist. column: of its kind. members: uids, the worst first; the first is what the card speaks of.
 * opens: there is more in it to be shown one by one. idle: its status is only that it is meant to be empty.
 */
export interface Card {
  readonly id: CardId;
  readonly form: "resource" | "stack" | "release" | "namespace" | "cluster" | "ghost";
  readonly group: GroupId;
  readonly namespace: string;
  readonly kind: string;
  readonly column: number;
  readonly title: string;
  readonly status: Status;
  readonly reason: string;
  readonly counts: Counts;
  readonly members: readonly string[];
  readonly opens: boolean;
  readonly idle: boolean;
}

/** More of a kind in a group than this, all without an owner, are one stack. */
const LOOSE_AT_MOST = 6;
/** An open stack of more than this is shown by status and reason. */
const OPEN_AT_MOST = 24;

export type IsOpen = (id: string) => boolean;

/** The nodes of some groups as cards. cardOf: which card a uid is in. */
export interface Deck {
  readonly cards: ReadonlyMap<CardId, Card>;
  readonly cardOf: ReadonlyMap<string, CardId>;
}

/** Deal these nodes, which may be of several groups. */
export function deal(graph: Cluster, nodes: Iterable<Node>, isOpen: IsOpen): Deck {
  const dealt = [...nodes];
  const loose = countLoose(graph, dealt);
  const piles = new Map<CardId, Pile>();
  for (const node of dealt) {
    const place = placeOf(graph, node, loose, isOpen);
    const pile = piles.get(place.id);
    if (pile === undefined) piles.set(place.id, { ...place, nodes: [node] });
    else pile.nodes.push(node);
  }
  return collect(
    graph.kinds,
    [...piles.values()].flatMap((pile) => spread(pile, isOpen)),
  );
}

/** Nodes for one card. title: of a stack. head: the kind that it is a card of; others are folded in. */
interface Pile {
  readonly id: CardId;
  readonly head: string;
  readonly title: string;
  readonly nodes: Node[];
}

type Place = Omit<Pile, "nodes">;

function placeOf(graph: Cluster, node: Node, loose: ReadonlyMap<string, number>, isOpen: IsOpen): Place {
  const group = groupOf(node);
  if (graph.kinds.of(node.kind).relays) {
    const owner = directOwnerOf(graph, node);
    const place = owner && placeOf(graph, owner, loose, isOpen);
    if (place !== undefined && !isOpen(place.id)) return place;
  }
  const root = ownerOf(graph, node);
  if (root !== node) {
    return { id: `${group}|${node.kind}|${root.kind}/${root.name}`, head: node.kind, title: root.name };
  }
  if ((loose.get(`${group}|${node.kind}`) ?? 0) > LOOSE_AT_MOST) {
    return { id: `${group}|${node.kind}|*`, head: node.kind, title: graph.kinds.plural(node.kind) };
  }
  return { id: `${group}|${node.kind}|${node.name}`, head: node.kind, title: node.name };
}

/** How many there are of each kind in each group that nothing owns. */
function countLoose(graph: Cluster, nodes: readonly Node[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    if (directOwnerOf(graph, node) !== undefined) continue;
    const key = `${groupOf(node)}|${node.kind}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** A pile that is open becomes one of each of its nodes, or of each status and reason. */
function spread(pile: Pile, isOpen: IsOpen): Pile[] {
  const heads = pile.nodes.filter((node) => node.kind === pile.head);
  if (!isOpen(pile.id) || heads.length < 2) return [pile];
  const one = (node: Node): Pile => ({
    ...pile,
    id: `${pile.id}|${node.name}`,
    title: node.name,
    nodes: [node],
  });
  if (pile.nodes.length <= OPEN_AT_MOST) return pile.nodes.map(one);
  const alike = groupBy(pile.nodes, (node) => `${node.status} ${node.reason ?? ""}`.trim());
  return [...alike].map(([state, nodes]) => ({ ...pile, id: `${pile.id}|${state}`, nodes }));
}

function collect(kinds: Kinds, piles: readonly Pile[]): Deck {
  const cards = new Map<CardId, Card>();
  const cardOf = new Map<string, CardId>();
  for (const pile of piles) {
    const card = cardFrom(kinds, pile);
    cards.set(card.id, card);
    for (const uid of card.members) cardOf.set(uid, card.id);
  }
  return { cards, cardOf };
}

function cardFrom(kinds: Kinds, pile: Pile): Card {
  const nodes = pile.nodes.toSorted(worstFirst(pile.head));
  const [first] = nodes as [Node, ...Node[]];
  const heads = nodes.filter((node) => node.kind === pile.head);
  const counts = count(heads.map((node) => node.status));
  return {
    id: pile.id,
    form: heads.length > 1 ? "stack" : "resource",
    group: groupOf(first),
    namespace: first.namespace ?? "",
    kind: pile.head,
    column: kinds.of(pile.head).column,
    title: heads.length === 1 ? (heads[0] as Node).name : pile.title,
    status: first.status,
    reason: first.status === "Ready" ? "" : (first.reason ?? ""),
    counts,
    members: nodes.map((node) => node.uid),
    opens: nodes.length > 1,
    idle: isIdle(first) && heads.every((node) => node.status === "Ready" || isIdle(node)),
  };
}

/** Those of the head's kind before those that are folded in, when equally bad. */
function worstFirst(head: string): (one: Node, other: Node) => number {
  return (one, other) =>
    severity(other.status) - severity(one.status) ||
    Number(other.kind === head) - Number(one.kind === head) ||
    one.name.localeCompare(other.name);
}

/** All of a group as one card. nodes: those of it that are shown. */
export function releaseCard(kinds: Kinds, id: GroupId, release: string, nodes: readonly Node[]): Card {
  return summary(kinds, id, "release", id, titleOfGroup(id, release), nodes);
}

/** What is of no release is the others of its namespace. */
export function titleOfGroup(id: GroupId, release: string): string {
  return release || (withoutCluster(id) === "/" ? "cluster-scoped" : "others");
}

/** All of a namespace as one card. place: its name, with its cluster if that is one of several. */
export function namespaceCard(kinds: Kinds, place: string, nodes: readonly Node[]): Card {
  const title = withoutCluster(place) || "cluster";
  return summary(kinds, `${place}/*`, "namespace", `${place}/*`, title, nodes);
}

/** The frame around all of a cluster, where several are drawn. */
export const clusterId = (cluster: string): CardId => inCluster(cluster, "*");

/** All of a cluster. */
export function clusterCard(kinds: Kinds, cluster: string, nodes: readonly Node[]): Card {
  return summary(kinds, clusterId(cluster), "cluster", inCluster(cluster, "/*"), cluster, nodes);
}

/** What a card of many resources calls itself, where the others name a kind. */
const SUMMARIES = { release: "Release", namespace: "Namespace", cluster: "Cluster" } as const;

function summary(
  kinds: Kinds,
  id: CardId,
  form: keyof typeof SUMMARIES,
  group: GroupId,
  title: string,
  nodes: readonly Node[],
): Card {
  const counts = count(nodes.map(shownStatus));
  const namespace = withoutCluster(placeIn(group));
  const kind = SUMMARIES[form];
  return {
    ...{ id, form, group, namespace, title, counts },
    kind,
    column: kinds.of(kind).column,
    status: worst(counts),
    reason: mainReason(kinds, nodes, worst(counts)),
    members: nodes.map((node) => node.uid),
    opens: true,
    idle: false,
  };
}

/** The reason that the most specific of the worst give: of the kind furthest to the right. */
function mainReason(kinds: Kinds, nodes: readonly Node[], status: Status): string {
  if (status === "Ready") return "";
  const bad = nodes.filter((node) => shownStatus(node) === status);
  const column = Math.max(...bad.map((node) => kinds.of(node.kind).column));
  return bad.find((node) => kinds.of(node.kind).column === column)?.reason ?? "";
}

/** What a reference leads to that does not exist. cluster: of what refers to it, which looks in its own only. */
export function ghostCard(kinds: Kinds, reference: Unresolved, cluster = ""): Card {
  return {
    id: `ghost|${nameOf({ ...reference, cluster })}`,
    form: "ghost",
    group: "",
    namespace: reference.namespace ?? "",
    kind: reference.kind,
    column: kinds.of(reference.kind).column,
    title: reference.name,
    status: "Error",
    reason: "does not exist",
    counts: count([]),
    members: [],
    opens: false,
    idle: false,
  };
}
