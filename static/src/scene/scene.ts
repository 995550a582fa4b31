/** What to draw: cards, the lines between them, and the rooms that they are in. Without positions. */

import { Below } from "../cluster/below";
import type { Card, CardId } from "../cluster/cards";
import type { Cluster } from "../cluster/cluster";
import type { Counts } from "../cluster/counts";
import type { GroupId } from "../cluster/index";

/**
 * All edges from one card to another. id: made of both. cross: between two rooms. path: on the way from a
 * symptom to its cause.
 */
export interface Line {
  readonly id: string;
  readonly from: CardId;
  readonly to: CardId;
  readonly types: readonly string[];
  readonly count: number;
  readonly cross: boolean;
  readonly path: boolean;
}

/** An open group, or all of a picture that has no rooms. */
export interface Room {
  readonly id: GroupId;
  readonly title: string;
  readonly counts: Counts;
  readonly cards: readonly Card[];
}

/**
 * A namespace with its groups, each as a card or as an open room, in the order of their names. cluster: empty when
 * there is only one. place: both of them, which no other hall has.
 */
export interface Hall {
  readonly cluster: string;
  readonly place: string;
  readonly namespace: string;
  readonly title: string;
  readonly counts: Counts;
  readonly nodes: number;
  readonly groups: readonly (Card | Room)[];
}

/** halls: of a map; none in a focus, which has `room` instead. cardOf: where a uid is shown. */
export interface Scene {
  readonly halls: readonly Hall[];
  readonly room: Room | null;
  readonly lines: ReadonlyMap<string, Line>;
  readonly cards: ReadonlyMap<CardId, Card>;
  readonly cardOf: ReadonlyMap<string, CardId>;
}

export const isRoom = (group: Card | Room): group is Room => "cards" in group;

/**
 * The edges of the graph between different cards, gathered; without those that one below has, too.
 *
 * roomOf: where a card stands. isPath: whether an edge is on the way to a cause.
 */
export function gatherLines(
  graph: Cluster,
  cardOf: ReadonlyMap<string, CardId>,
  options: {
    hidden: ReadonlySet<string>;
    roomOf: (card: CardId) => string;
    isPath: (from: string, to: string) => boolean;
  },
): Map<string, Line> {
  const gathered = new Map<
    string,
    { from: CardId; to: CardId; types: Set<string>; count: number; path: boolean }
  >();
  const below = new Below(graph, (uid) => cardOf.has(uid));
  for (const edge of graph.edges.values()) {
    const from = cardOf.get(edge.from);
    const to = cardOf.get(edge.to);
    if (from === undefined || to === undefined || from === to) continue;
    const path = options.isPath(edge.from, edge.to);
    if (options.hidden.has(edge.type) && !path) continue;
    if (below.uses(edge)) continue;
    const id = `${from} → ${to}`;
    const line = gathered.get(id) ?? { from, to, types: new Set<string>(), count: 0, path: false };
    gathered.set(id, line);
    line.types.add(edge.type);
    line.count += 1;
    line.path ||= path;
  }
  const finish = ([id, line]: [string, Omit<Line, "id" | "types" | "cross"> & { types: Set<string> }]) =>
    [
      id,
      {
        ...line,
        id,
        types: [...line.types].sort(),
        cross: options.roomOf(line.from) !== options.roomOf(line.to),
      },
    ] as const;
  return new Map([...gathered].map(finish));
}

/** The layout of an open room may still be on its way. */
export function isComplete(scene: Scene, picture: { readonly cards: { readonly length: number } }): boolean {
  return picture.cards.length === scene.cards.size;
}

/** Those that are connected with a card, and itself. */
export function nearOf(scene: Scene, card: string): Set<string> {
  const near = new Set([card]);
  for (const line of scene.lines.values()) {
    if (line.from === card) near.add(line.to);
    if (line.to === card) near.add(line.from);
  }
  return near;
}

/** How many edges there are of each type. */
export function countTypes(graph: Cluster): Map<string, number> {
  const counts = new Map<string, number>();
  for (const edge of graph.edges.values()) counts.set(edge.type, (counts.get(edge.type) ?? 0) + 1);
  return counts;
}
