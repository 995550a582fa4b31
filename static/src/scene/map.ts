/** The map: cluster, where there are several → namespace → release → resources. A closed group is one card, so only some hundreds are drawn. */

import type { Node } from "@astrolabe/stream";
import { type Card, deal, namespaceCard, releaseCard, titleOfGroup } from "../cluster/cards";
import type { Cluster } from "../cluster/cluster";
import { count } from "../cluster/counts";
import { matches, type Sieve } from "../cluster/filter";
import { groupBy } from "../cluster/grouping";
import { shownStatus } from "../cluster/idle";
import { type GroupId, groupOf, placeIn } from "../cluster/index";
import { clusterIn, withoutCluster } from "../cluster/names";
import { gatherLines, type Hall, isRoom, type Room, type Scene } from "./scene";

/** With more groups than this, a namespace is one card until it is opened. */
const GROUPS_AT_MOST = 300;
/** When all groups together have no more nodes than this, they are open from the beginning. */
const NODES_OPEN = 40;

/** open: ids of groups, of stacks, and of namespaces (`name/*`). hidden: types of edges. */
export interface MapOptions {
  readonly filter: Sieve;
  readonly open: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
}

export function drawMap(graph: Cluster, options: MapOptions): Scene {
  const groups = groupBy(shown(graph, options.filter), groupOf);
  const together = groups.size > GROUPS_AT_MOST;
  const byPlace = groupBy(groups, ([id]) => placeIn(id));
  const halls = [...byPlace]
    .map(([place, some]) => hallOf(graph, place, some, together, options.open))
    .sort(
      (one, other) =>
        one.cluster.localeCompare(other.cluster) || compareNames(one.namespace, other.namespace),
    );
  return withLines(graph, halls, options.hidden);
}

/** The groups that are open by default: all of them if there are few resources. */
export function openAtFirst(graph: Cluster, filter: Sieve): Set<GroupId> {
  const nodes = shown(graph, filter);
  return nodes.length <= NODES_OPEN ? new Set(nodes.map(groupOf)) : new Set();
}

function shown(graph: Cluster, filter: Sieve): Node[] {
  return [...graph.nodes.values()].filter((node) => matches(filter, node));
}

function hallOf(
  graph: Cluster,
  place: string,
  groups: readonly [GroupId, Node[]][],
  together: boolean,
  open: ReadonlySet<string>,
): Hall {
  const nodes = groups.flatMap(([, some]) => some);
  const whole = namespaceCard(graph.kinds, place, nodes);
  const sorted = groups.toSorted(([one], [other]) => compareNames(releaseIn(one), releaseIn(other)));
  return {
    cluster: clusterIn(place),
    namespace: withoutCluster(place),
    place,
    title: whole.title,
    counts: whole.counts,
    nodes: nodes.length,
    groups:
      together && !open.has(whole.id)
        ? [whole]
        : sorted.map(([id, some]) =>
            open.has(id) ? roomOf(graph, id, some, open) : closed(graph, id, some),
          ),
  };
}

const closed = (graph: Cluster, id: GroupId, nodes: readonly Node[]): Card =>
  releaseCard(graph.kinds, id, releaseIn(id), nodes);

function roomOf(graph: Cluster, id: GroupId, nodes: readonly Node[], open: ReadonlySet<string>): Room {
  return {
    id,
    title: titleOfGroup(id, releaseIn(id)),
    counts: count(nodes.map(shownStatus)),
    cards: [...deal(graph, nodes, (card) => open.has(card)).cards.values()],
  };
}

export const releaseIn = (id: GroupId): string => id.slice(id.indexOf("/") + 1);

/** By name; those without a name come last. */
function compareNames(one: string, other: string): number {
  return Number(one === "") - Number(other === "") || one.localeCompare(other);
}

function withLines(graph: Cluster, halls: readonly Hall[], hidden: ReadonlySet<string>): Scene {
  const cards = new Map<string, Card>();
  const cardOf = new Map<string, string>();
  const rooms = new Map<string, string>();
  const add = (card: Card, room: string) => {
    cards.set(card.id, card);
    rooms.set(card.id, room);
    for (const uid of card.members) cardOf.set(uid, card.id);
  };
  for (const group of halls.flatMap((hall) => hall.groups)) {
    if (!isRoom(group)) add(group, group.id);
    else for (const card of group.cards) add(card, group.id);
  }
  const roomOfCard = (card: string) => rooms.get(card) ?? "";
  const lines = gatherLines(graph, cardOf, { hidden, roomOf: roomOfCard, isPath: () => false });
  return { halls, room: null, lines, cards, cardOf };
}
