import type { Node, ReadonlyGraph, Status } from "@astrolabe/stream";
import { type Counts, count } from "./counts";
import { namespaceOf } from "./index";

/**
 * What is shown: any of the values in each; an empty one lets everything through. q: a search, in the server's
 * language.
 */
export interface Filter {
  readonly namespaces: ReadonlySet<string>;
  readonly releases: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
  readonly statuses: ReadonlySet<Status>;
  readonly q: string;
}

/** found: what the search finds, by uid, as the server says; null: everything is let through. */
export interface Sieve extends Filter {
  readonly found?: ReadonlyMap<string, unknown> | null;
}

export const EVERYTHING: Filter = {
  namespaces: new Set(),
  releases: new Set(),
  kinds: new Set(),
  statuses: new Set(),
  q: "",
};

export function isEverything(filter: Filter): boolean {
  const lists = [filter.namespaces, filter.releases, filter.kinds, filter.statuses];
  return filter.q === "" && lists.every((each) => each.size === 0);
}

export function matches(filter: Sieve, node: Node): boolean {
  return (
    (filter.found?.has(node.uid) ?? true) &&
    lets(filter.statuses, node.status) &&
    lets(filter.kinds, node.kind) &&
    lets(filter.namespaces, namespaceOf(node)) &&
    lets(filter.releases, node.release ?? "")
  );
}

const lets = <T>(values: ReadonlySet<T>, value: T): boolean => values.size === 0 || values.has(value);

/** How many nodes there are of each status, of those that are let through. all: what everything would be. */
export function countShown(
  graph: ReadonlyGraph,
  filter: Sieve,
  all: Counts,
): { readonly counts: Counts; readonly nodes: number } {
  if (isEverything(filter)) return { counts: { ...all }, nodes: graph.nodes.size };
  const shown = [...graph.nodes.values()].filter((node) => matches(filter, node));
  return { counts: count(shown.map((node) => node.status)), nodes: shown.length };
}

/** How many nodes there would be of each value of a field if only the other fields filtered. */
export function countValues(
  graph: ReadonlyGraph,
  filter: Sieve,
  field: "namespaces" | "releases" | "kinds",
): Map<string, { nodes: number; errors: number }> {
  const others = { ...filter, [field]: new Set<string>() };
  const counts = new Map<string, { nodes: number; errors: number }>();
  for (const node of graph.nodes.values()) {
    if (!matches(others, node)) continue;
    const value = { namespaces: namespaceOf(node), releases: node.release ?? "", kinds: node.kind }[field];
    const found = counts.get(value) ?? { nodes: 0, errors: 0 };
    counts.set(value, found);
    found.nodes += 1;
    if (node.status === "Error") found.errors += 1;
  }
  return counts;
}

export const areEqual = <T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean =>
  one.size === other.size && [...one].every((value) => other.has(value));

/** A filter with this value in it, or without it when it was. */
export function toggle<T>(values: ReadonlySet<T>, value: T): ReadonlySet<T> {
  const changed = new Set(values);
  if (!changed.delete(value)) changed.add(value);
  return changed;
}
