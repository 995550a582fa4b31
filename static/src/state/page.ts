/** The page as it is now, for the components that draw it. */

import type {
  CallingUser,
  ClusterName,
  ClusterState,
  ConnectionState,
  FallbackReason,
  Problem,
  ServerState,
} from "@astrolabe/stream";
import type { Card } from "../cluster/cards";
import { type Counts, noCounts } from "../cluster/counts";
import type { Groups } from "../groups/group";
import type { Scene } from "../scene/scene";
import type { Study } from "./answers";
import type { Selection } from "./selection";
import { type Trust, trustOf } from "./trust";
import type { View } from "./url";

/**
 * All that is on the page.
 *
 * state: what the server says now; null while it says nothing. cluster: what it last said, which holds for the
 * picture. clusters: what it last said of several; empty for one. user: who looks at it; null if the server does not tell users apart. counts, nodes, problems: of what the
 * filter shows; problems are null until the server has sent them. fault: why the filter's search is refused, or empty.
 * overview: groups, drawn instead of the scene where that would be too much to read. study: about what is focused, once the server has answered. fallback: why updates arrive as server-sent events, until
 * the user hides that. hidden: the types of edges that are not drawn. lost: what is focused no longer exists. updated:
 * the server has a newer version than the page.
 */
export interface Page {
  readonly connection: ConnectionState;
  readonly state: ServerState | null;
  readonly trust: Trust;
  readonly cluster: ClusterName | null;
  readonly clusters: readonly ClusterState[];
  readonly fallback: FallbackReason | null;
  readonly user: CallingUser | null;
  readonly signedIn: boolean;
  readonly loaded: boolean;
  readonly updated: boolean;
  readonly counts: Counts;
  readonly nodes: number;
  readonly problems: readonly Problem[] | null;
  readonly fault: string;
  readonly view: View;
  readonly open: ReadonlySet<string>;
  readonly overview: Groups | null;
  readonly scene: Scene;
  readonly study: Study | null;
  readonly story: readonly Card[];
  readonly lost: boolean;
  readonly selection: Selection | null;
  readonly edgeTypes: ReadonlyMap<string, number>;
  readonly hidden: ReadonlySet<string>;
}

export const EMPTY_SCENE: Scene = {
  ...{ halls: [], room: null, lines: new Map(), cards: new Map(), cardOf: new Map() },
};

/** Before anything is known. */
export function emptyPage(view: View, signedIn: boolean): Page {
  return {
    connection: { state: "connecting" },
    ...{ state: null, trust: trustOf({ state: "connecting" }, null), cluster: null, fallback: null },
    clusters: [],
    ...{ user: null, signedIn, loaded: false, updated: false },
    ...{ counts: noCounts(), nodes: 0, problems: null, fault: "" },
    ...{ view, open: view.open ?? new Set<string>() },
    ...{ overview: null, scene: EMPTY_SCENE },
    ...{ study: null, story: [], lost: false, selection: null },
    ...{ edgeTypes: new Map<string, number>(), hidden: new Set<string>() },
  };
}
