/** What is looked at, as an address that may be shared. */

import {
  PROBLEM_SORTS,
  type ProblemSort,
  STATUSES,
  type Status,
  type Filter as StreamFilter,
} from "@astrolabe/stream";
import type { Camera } from "../canvas/painter";
import type { Filter } from "../cluster/filter";
import { DIMENSIONS, type Dimension } from "../groups/group";

/**
 * hidden: types of edges; null: those that are hidden at first. open: groups and stacks; null: what is open at first.
 * focus: a card, and then why it is so; `impact:` and a card, and then what depends on it; or `problem:` and an id.
 * selected: a resource, card or frame. by: what
 * the map groups by; null: what fits. table: which is shown
 * instead of the map: `namespaces`, `not-ready`, or a kind. sort: of the problems. camera: null: all is in view. scope: filter of the stream
 * itself, as the API has it: what the server does not send. cluster: the one of several that is shown; empty: all.
 */
export interface View {
  readonly cluster: string;
  readonly filter: Filter;
  readonly hidden: ReadonlySet<string> | null;
  readonly open: ReadonlySet<string> | null;
  readonly focus: string | null;
  readonly selected: string | null;
  readonly camera: Camera | null;
  readonly by: Dimension | null;
  readonly table: string | null;
  readonly scope: Readonly<Record<string, readonly string[] | string>>;
  readonly sort: ProblemSort;
}

const SCOPE = "only.";
const TEXTS = new Set(["selector", "q"]);

export function readView(search: string): View {
  const params = new URLSearchParams(search);
  const list = (name: string) => (params.get(name) ?? "").split(",").filter(Boolean);
  const statuses = list("status").filter((value): value is Status => STATUSES.includes(value as Status));
  return {
    cluster: params.get("cluster") ?? "",
    filter: {
      namespaces: new Set(list("namespace")),
      releases: new Set(list("release")),
      kinds: new Set(list("kind")),
      statuses: new Set(statuses),
      q: params.get("q") ?? "",
    },
    hidden: params.has("hide") ? new Set(list("hide")) : null,
    open: params.has("open") ? new Set(list("open")) : null,
    focus: params.get("focus"),
    selected: params.get("select"),
    camera: readCamera(params.get("at")),
    by: DIMENSIONS.find((each) => each === params.get("by")) ?? null,
    scope: readScope(params),
    table: params.get("table"),
    sort: PROBLEM_SORTS.find((sort) => sort === params.get("sort")) ?? "severity",
  };
}

export function writeView(view: View): string {
  const params = new URLSearchParams();
  const put = (name: string, values: ReadonlySet<string>) => {
    if (values.size > 0) params.set(name, [...values].sort().join(","));
  };
  for (const [name, value] of Object.entries(view.scope)) {
    params.set(SCOPE + name, typeof value === "string" ? value : value.join(","));
  }
  if (view.cluster !== "") params.set("cluster", view.cluster);
  put("namespace", view.filter.namespaces);
  put("release", view.filter.releases);
  put("kind", view.filter.kinds);
  put("status", view.filter.statuses);
  if (view.filter.q !== "") params.set("q", view.filter.q);
  if (view.hidden !== null) params.set("hide", [...view.hidden].sort().join(","));
  if (view.open !== null) params.set("open", [...view.open].sort().join(","));
  if (view.focus !== null) params.set("focus", view.focus);
  if (view.selected !== null) params.set("select", view.selected);
  if (view.table !== null) params.set("table", view.table);
  if (view.by !== null) params.set("by", view.by);
  if (view.sort !== "severity") params.set("sort", view.sort);
  if (view.camera !== null) params.set("at", writeCamera(view.camera));
  // Slashes, commas, colons and the like are no danger in a query, and an address is read by people.
  const text = params
    .toString()
    .replaceAll("%2F", "/")
    .replaceAll("%2C", ",")
    .replaceAll("%7C", "|")
    .replaceAll("%3A", ":")
    .replaceAll("%40", "@");
  return text === "" ? "" : `?${text}`;
}

/** What the stream is filtered by, as a subscribe message has it. */
export const scopeOf = ({ scope, cluster }: View): View["scope"] =>
  cluster === "" ? scope : { ...scope, cluster: [cluster] };

/** What the list of problems is filtered by: the same, and the filter of the page without its statuses. */
export function filterOf(view: View): StreamFilter {
  const { scope, filter } = view;
  const lists = { namespace: filter.namespaces, release: filter.releases, kind: filter.kinds };
  const given = Object.entries(lists).filter(([, values]) => values.size > 0);
  const q = [scope["q"], filter.q].filter(Boolean).join(" ");
  return {
    ...scopeOf(view),
    ...Object.fromEntries(given.map(([name, values]) => [name, [...values].sort()])),
    ...(q !== "" && { q }),
  };
}

function readScope(params: URLSearchParams): View["scope"] {
  const given = [...params].filter(([name]) => name.startsWith(SCOPE));
  return Object.fromEntries(
    given.map(([name, value]) => {
      const field = name.slice(SCOPE.length);
      return [field, TEXTS.has(field) ? value : value.split(",").filter(Boolean)];
    }),
  );
}

function readCamera(text: string | null): Camera | null {
  const parts = (text ?? "").split(",").map(Number);
  const [x, y, zoom] = parts;
  if (parts.length !== 3 || x === undefined || y === undefined || zoom === undefined) return null;
  return parts.every(Number.isFinite) && zoom > 0 ? { x, y, zoom } : null;
}

const writeCamera = ({ x, y, zoom }: Camera): string =>
  `${Math.round(x)},${Math.round(y)},${Number(zoom.toFixed(3))}`;
