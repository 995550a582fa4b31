/** A room as the layout library takes it, and what comes back. */

import type { ElkNode } from "elkjs/lib/elk-api";
import type { Card } from "../cluster/cards";
import type { Line } from "../scene/scene";
import { CARD, GAP } from "./geometry";
import { COLUMN_GAP, type RoomLayout } from "./settle";

const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  // Every kind has its column: what asks is left of what is needed, in every room alike.
  "elk.partitioning.activate": "true",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.spacing.nodeNode": String(GAP),
  "elk.spacing.edgeNode": String(GAP),
  "elk.layered.spacing.edgeNodeBetweenLayers": String(GAP),
  "elk.spacing.componentComponent": String(GAP),
  "elk.layered.spacing.nodeNodeBetweenLayers": String(COLUMN_GAP),
  // One picture, not one for each part that hangs together: columns go through.
  "elk.separateConnectedComponents": "false",
  "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF",
  "elk.layered.nodePlacement.bk.fixedAlignment": "BALANCED",
  // The same room gives the same picture.
  "elk.randomSeed": "1",
  "elk.padding": "[top=0,left=0,bottom=0,right=0]",
};

/** Cards sorted by their names, so that the order in which they came means nothing. */
export function layeredGraph(cards: readonly Card[], lines: Iterable<Line>): ElkNode {
  const sorted = cards.toSorted((one, other) => one.id.localeCompare(other.id));
  const ids = new Set(sorted.map((card) => card.id));
  const inside = [...lines].filter((line) => ids.has(line.from) && ids.has(line.to));
  return {
    id: "room",
    layoutOptions: OPTIONS,
    children: sorted.map((card) => ({
      id: card.id,
      ...CARD,
      layoutOptions: { "elk.partitioning.partition": String(card.column) },
    })),
    edges: inside
      .map((line) => ({ id: line.id, sources: [line.from], targets: [line.to] }))
      .sort((one, other) => one.id.localeCompare(other.id)),
  };
}

export function roomLayout(graph: ElkNode): RoomLayout {
  const places = (graph.children ?? []).map(
    (child) => [child.id, { x: Math.round(child.x ?? 0), y: Math.round(child.y ?? 0) }] as const,
  );
  const bends = (graph.edges ?? []).map(
    (edge) => [edge.id, edge.sections?.flatMap((section) => section.bendPoints ?? []) ?? []] as const,
  );
  return {
    places: new Map(places),
    bends: new Map(bends),
    width: Math.max(CARD.width, ...places.map(([, place]) => place.x + CARD.width)),
    height: Math.max(CARD.height, ...places.map(([, place]) => place.y + CARD.height)),
  };
}
