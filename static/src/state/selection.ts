/** What a person has picked, of whatever form: a resource by its name, a card, a group, a namespace. */

import type { Node } from "@astrolabe/stream";
import {
  type Card,
  clusterCard,
  clusterId,
  type Deck,
  deal,
  namespaceCard,
  releaseCard,
} from "../cluster/cards";
import type { Cluster } from "../cluster/cluster";
import { type GroupId, type Index, placeIn } from "../cluster/index";
import { clusterIn, nameOf } from "../cluster/names";
import { releaseIn } from "../scene/map";
import type { Scene } from "../scene/scene";

/** card: what it is shown as now; null while it is not. node: when it is one resource. */
export type Selection =
  | { readonly form: "resource"; readonly node: Node; readonly card: string | null }
  | { readonly form: "several"; readonly about: Card; readonly card: string | null }
  | { readonly form: "ghost"; readonly about: Card; readonly card: string | null }
  | { readonly form: "gone"; readonly title: string; readonly card: null };

/** What is picked by this text; it is gone when nothing has that name any more. */
export function resolve(graph: Cluster, index: Index, scene: Scene, text: string): Selection {
  const uid = index.find(text);
  const node = uid === undefined ? undefined : graph.nodes.get(uid);
  if (node !== undefined) return { form: "resource", node, card: scene.cardOf.get(node.uid) ?? null };
  const shown = scene.cards.get(text);
  if (shown !== undefined) return ofCard(graph, shown);
  return (
    ofCluster(graph, index, text) ??
    ofGroup(graph, index, text) ??
    ofStack(graph, index, text) ?? { form: "gone", title: text, card: null }
  );
}

function ofCard(graph: Cluster, card: Card): Selection {
  if (card.form === "ghost") return { form: "ghost", about: card, card: card.id };
  const first = graph.nodes.get(card.members[0] ?? "");
  if (card.form === "resource" && first !== undefined) {
    return { form: "resource", node: headOf(graph, card) ?? first, card: card.id };
  }
  return { form: "several", about: card, card: card.id };
}

/** The resource that a card is about; those that are folded in are parts of it. */
function headOf(graph: Cluster, card: Card): Node | undefined {
  const members = card.members.flatMap((uid) => graph.nodes.get(uid) ?? []);
  return members.find((node) => node.kind === card.kind);
}

function nodesOf(graph: Cluster, index: Index, isOf: (group: GroupId) => boolean): Node[] {
  const groups = [...index.groups.values()].filter(({ id }) => isOf(id));
  return groups.flatMap(({ uids }) => [...uids].flatMap((uid) => graph.nodes.get(uid) ?? []));
}

function ofCluster(graph: Cluster, index: Index, id: string): Selection | undefined {
  const cluster = clusterIn(id);
  if (cluster === "" || id !== clusterId(cluster)) return undefined;
  const nodes = nodesOf(graph, index, (group) => clusterIn(group) === cluster);
  if (nodes.length === 0) return undefined;
  return { form: "several", about: clusterCard(graph.kinds, cluster, nodes), card: id };
}

function ofGroup(graph: Cluster, index: Index, id: GroupId): Selection | undefined {
  const place = placeIn(id);
  const whole = id === `${place}/*`;
  const nodes = nodesOf(graph, index, (group) => (whole ? placeIn(group) === place : group === id));
  if (nodes.length === 0) return undefined;
  const about = whole
    ? namespaceCard(graph.kinds, place, nodes)
    : releaseCard(graph.kinds, id, releaseIn(id), nodes);
  return { form: "several", about, card: id };
}

/** A stack that is not drawn: its group is closed, or it is open itself. */
function ofStack(graph: Cluster, index: Index, id: string): Selection | undefined {
  const card = stackOf(graph, index, id);
  return card === undefined ? undefined : { ...ofCard(graph, card), card: null };
}

/** The card with this id when nothing is open, whatever is shown. */
export function stackOf(graph: Cluster, index: Index, id: string): Card | undefined {
  return dealGroup(graph, index, id.slice(0, Math.max(0, id.indexOf("|")))).cards.get(id);
}

function dealGroup(graph: Cluster, index: Index, id: GroupId): Deck {
  const uids = index.groups.get(id)?.uids ?? [];
  return deal(
    graph,
    [...uids].flatMap((uid) => graph.nodes.get(uid) ?? []),
    () => false,
  );
}

/** What an address says of a card: the name of the resource that it is about, if it is one. */
export function textOf(graph: Cluster, card: Card): string {
  const head = card.form === "resource" ? headOf(graph, card) : undefined;
  return head === undefined ? card.id : nameOf(head);
}
