/** What the server says about kinds and edge types (`/api/v1/kinds`, `/api/v1/edge-types`). */

import { fetchJson } from "./rest";

/** Where a kind stands when the graph is drawn, from left to right: the way of a request, then what it needs. */
export const LAYERS = [
  "ingress",
  "service",
  "workload",
  "run",
  "pod",
  "configuration",
  "storage",
  "policy",
  "cluster",
] as const;

export type Layer = (typeof LAYERS)[number];

/** A key of a kind's metadata, as a table shows it. type: of JSON. format: of a text: "date-time" for times. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "array" | "object";
  readonly format?: "date-time";
  readonly description: string;
}

/**
 * plural: as in the API's paths. abbreviation: for pictures. column: from what asks (0) to what is needed.
 * columns: what `metadata` of its nodes may have, in order. relays: its status only passes on that of others.
 * inherits: the types of edges by which it belongs to their source.
 */
export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly abbreviation: string;
  readonly namespaced: boolean;
  readonly layer: Layer;
  readonly column: number;
  readonly columns: readonly Column[];
  readonly relays: boolean;
  readonly inherits: readonly string[];
}

/** The kinds by name. One that the server does not describe stands in the middle, under its capitals. */
export class Kinds {
  readonly #kinds: ReadonlyMap<string, Kind>;

  /** answer: of `/api/v1/kinds`; an older server leaves keys out. */
  constructor(answer: Iterable<Pick<Kind, "kind"> & Partial<Kind>> = []) {
    this.#kinds = new Map(
      [...answer].map((each) => [each.kind, { ...undescribed(each.kind), ...known(each) }]),
    );
  }

  of(kind: string): Kind {
    return this.#kinds.get(kind) ?? undescribed(kind);
  }

  /** Whether the server has described it. */
  has(kind: string): boolean {
    return this.#kinds.has(kind);
  }

  /** `Ingresses`, `NetworkPolicies`: the API's plural with the capitals of the kind. */
  plural(kind: string): string {
    const { plural } = this.of(kind);
    const lower = kind.toLowerCase();
    const end = [...lower].findIndex((letter, index) => letter !== plural[index]);
    const common = end < 0 ? lower.length : end;
    return common === 0 ? plural : kind.slice(0, common) + plural.slice(common);
  }

  /** `1 Ingress`, `3 Pods`; a kind of a group goes without its group. */
  counted(number: number, kind: string): string {
    return `${number} ${number === 1 ? kind.split(".", 1)[0] : this.plural(kind)}`;
  }
}

/** `podIP` becomes `Pod IP`; `creationTimestamp` becomes a word that people use. */
export function columnTitle(key: string): string {
  if (key === "creationTimestamp") return "Created";
  const spaced = key.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/([A-Z]{2,})([A-Z][a-z]{2,})/g, "$1 $2");
  const lower = spaced.replace(/ ([A-Z])(?=[a-z])/g, (_, letter: string) => ` ${letter.toLowerCase()}`);
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

/** A value of the metadata, in words. */
export function columnText(value: unknown): string {
  if (Array.isArray(value)) return value.map(columnText).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  const parts = Object.entries(value).filter(([key]) => key !== "uid");
  return parts.map(([key, part]) => `${key} ${columnText(part)}`).join(", ");
}

/** hidden: pictures leave edges of this type out until they are asked for. */
export interface EdgeType {
  readonly type: string;
  readonly description: string;
  readonly hidden: boolean;
}

/** Asks the server. stream: the URL of the WebSocket. Throws when the server does not answer. */
export async function fetchKinds(stream: string, token: string | null): Promise<Kinds> {
  return new Kinds(await fetchJson<Kind[]>("kinds", stream, token));
}

/** The same for the types of edges. */
export const fetchEdgeTypes = (stream: string, token: string | null): Promise<EdgeType[]> =>
  fetchJson("edge-types", stream, token);

function undescribed(kind: string): Kind {
  return {
    kind,
    plural: `${kind.toLowerCase()}s`,
    abbreviation: kind.replace(/[^A-Z]/g, "").toLowerCase() || kind.slice(0, 3),
    namespaced: true,
    layer: "cluster",
    column: 3,
    columns: [],
    relays: false,
    inherits: ["owns"],
  };
}

/** A layer that a later server adds stands last. */
function known<T extends Partial<Kind>>(kind: T): T {
  return kind.layer === undefined || LAYERS.includes(kind.layer) ? kind : { ...kind, layer: "cluster" };
}
