/** How far the page can be trusted: from its own connection, then from what the server says. */

import type {
  ClusterName,
  ClusterState,
  ConnectionState,
  PartialKind,
  ServerState,
  SyncProgress,
  UserCoverage,
} from "@astrolabe/stream";
import type { View } from "./url";

/**
 * live: it is all there is, and as it is now. receiving: the server has more to send. syncing: the server itself
 * does not know all yet. partial: some kinds are missing. stale: the server has no news. disconnected, refused,
 * locked: the page has none. unknown: the server does not say, or what it says is not known here.
 */
export type TrustLevel =
  | "live"
  | "receiving"
  | "syncing"
  | "partial"
  | "stale"
  | "disconnected"
  | "refused"
  | "locked"
  | "unknown";

/**
 * since: Unix milliseconds, when it became so; null when that is not known. why: a sentence, or empty. coverage: what
 * the user may see of it; null: everything. clusters: those of several that are not live; then `others` of them are.
 */
export interface Trust {
  readonly level: TrustLevel;
  readonly since: number | null;
  readonly why: string;
  readonly progress: SyncProgress | null;
  readonly partial: readonly PartialKind[];
  readonly coverage: UserCoverage | null;
  readonly clusters: readonly ClusterState[];
  readonly others: number;
}

const SAID: ReadonlySet<string> = new Set<TrustLevel>(["live", "syncing", "partial", "stale"]);

/** coverage: what the server last said about it, which holds for the picture. */
export function trustOf(
  connection: ConnectionState,
  state: ServerState | null,
  coverage: UserCoverage | null = state?.coverage ?? null,
): Trust {
  const own = (level: TrustLevel, since: number | null = null, why = ""): Trust => ({
    ...{ level, since, why, progress: null, partial: [], coverage },
    ...{ clusters: [], others: 0 },
  });
  switch (connection.state) {
    case "connecting":
      return own("receiving");
    case "disconnected":
      return own("disconnected", connection.since, connection.reason);
    case "refused":
      return own("refused", null, connection.reason);
    case "locked":
      return own("locked");
    default:
      return told(connection.state === "live", state, own);
  }
}

/** A server that is not live matters more than a connection that is catching up. */
function told(
  whole: boolean,
  state: ServerState | null,
  own: (level: TrustLevel, since?: number | null, why?: string) => Trust,
): Trust {
  if (state === null || state.state === "live") {
    if (!whole) return own("receiving");
    return state === null
      ? own("unknown", null, "the server does not report its state")
      : own("live", timeOf(state));
  }
  const level = SAID.has(state.state) ? (state.state as TrustLevel) : "unknown";
  const why = level === "unknown" ? [state.state, state.why].filter(Boolean).join(": ") : (state.why ?? "");
  const progress = state.progress ?? null;
  const all = state.clusters ?? [];
  const clusters = all.filter((cluster) => cluster.state !== "live");
  return {
    ...own(level, timeOf(state), why),
    ...{ progress, partial: state.partial ?? [], clusters, others: all.length - clusters.length },
  };
}

/** What the server says about the cluster that is shown, if that is one of several; otherwise, about all of them. */
export function stateOf(state: ServerState, chosen: string): ServerState {
  const { clusters: all, ...whole } = state;
  if (all === undefined) return state;
  const cluster = all.find(({ name }) => name === chosen);
  if (cluster === undefined) return { ...state, cluster: { name: `${all.length} clusters` } };
  const { name, server = "", ...own } = cluster;
  const { type, coverage } = whole;
  return { type, ...own, ...(coverage && { coverage }), cluster: { name, server } };
}

export function timeOf(state: Pick<ServerState, "since">): number | null {
  const time = Date.parse(state.since ?? "");
  return Number.isNaN(time) ? null : time;
}

/** Whether all of the picture is old and the present state is unknown. */
export const isOld = ({ level, others, clusters }: Trust): boolean =>
  (level === "stale" && !(others > 0 || clusters.some(({ state }) => state !== "stale"))) ||
  level === "disconnected" ||
  level === "refused" ||
  level === "locked";

/** Whether more is to come, so that every number will grow. */
export const isGrowing = ({ level }: Trust): boolean => level === "syncing" || level === "receiving";

/** clear: it is certain that nothing is broken. text: what to say about an empty list of problems. */
export interface Verdict {
  readonly clear: boolean;
  readonly text: string;
}

/** clock: how a time is written. */
export function verdictOf(trust: Trust, view: View, clock: (time: number) => string): Verdict {
  const seen = trust.coverage === null ? "" : " in what you may see";
  const asked = [...view.filter.statuses].filter((level) => level !== "Ready");
  if (asked.length > 0)
    return { clear: false, text: `No known resource has the status ${asked.join(" or ")}.` };
  if (isOld(trust)) {
    const when = trust.since === null ? "when the state was last known" : `at ${clock(trust.since)}`;
    return { clear: false, text: `Nothing was broken ${when}${seen}. The current state is unknown.` };
  }
  if (isGrowing(trust)) return { clear: false, text: `No problems found so far${seen}.` };
  if (trust.clusters.length > 0) {
    const names = trust.clusters.map(({ name }) => name).join(", ");
    return { clear: false, text: `No problems are known${seen}. Not all is known of ${names}.` };
  }
  if (trust.level === "partial")
    return { clear: false, text: "No problems in the resources that are visible." };
  if (trust.level === "unknown") {
    return {
      clear: false,
      text: "No problems in the resources shown. The server does not say whether these are all.",
    };
  }
  if (Object.keys(view.scope).length > 0) {
    return { clear: false, text: "No problems in the resources that this page asks for." };
  }
  return { clear: seen === "", text: `Nothing is broken${seen}.` };
}

/** One or two words for it. */
export const WORDS: Readonly<Record<TrustLevel, string>> = {
  live: "Live",
  receiving: "Receiving",
  syncing: "Syncing",
  partial: "Partial",
  stale: "Stale",
  disconnected: "Not connected",
  refused: "Refused",
  locked: "Locked",
  unknown: "State unknown",
};

/** What a cluster is called: its name, or else the context, or the address of its server; or nothing. */
export const calledOf = (cluster: ClusterName | null): string =>
  cluster?.name || cluster?.context || cluster?.server?.replace(/^https?:\/\//, "") || "";

/** Of the tab: the state first, as the rest may be cut off. clear: it is known that nothing is broken. */
export function titleOf(trust: Trust, clear: boolean, problems: number, cluster: ClusterName | null): string {
  const rest = [calledOf(cluster), "Astrolabe"].filter(Boolean).join(" · ");
  const count = problems > 0 ? `(${problems}) ` : "";
  const [first, ...more] = trust.clusters;
  if (first !== undefined && !isOld(trust)) {
    const said = more.length > 0 ? `${more.length + 1} not live` : `${first.name} ${first.state}`;
    return `${count}⚠ ${said} · ${rest}`;
  }
  switch (trust.level) {
    case "live":
    case "unknown":
      return `${clear ? "✓ " : count}${rest}`;
    case "partial":
      return `${count}Partial · ${rest}`;
    case "syncing": {
      const { kinds, of } = trust.progress ?? { kinds: 0, of: 0 };
      return `… Syncing${of > 0 ? ` ${kinds}/${of}` : ""} · ${rest}`;
    }
    case "receiving":
      return `… ${rest}`;
    default:
      return `⚠ ${WORDS[trust.level]} · ${rest}`;
  }
}
