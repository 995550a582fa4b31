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

/**
 * plural: as in the API's paths. abbreviation: for pictures. column: from what asks (0) to what is needed.
 * relays: its status only passes on that of others. inherits: the types of edges by which it belongs to their source.
 */
export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly abbreviation: string;
  readonly layer: Layer;
  readonly column: number;
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
    layer: "cluster",
    column: 3,
    relays: false,
    inherits: ["owns"],
  };
}

/** A layer that a later server adds stands last. */
function known<T extends Partial<Kind>>(kind: T): T {
  return kind.layer === undefined || LAYERS.includes(kind.layer) ? kind : { ...kind, layer: "cluster" };
}
