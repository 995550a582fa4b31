import type { ReadonlyGraph } from "@astrolabe/stream";
import type { Filter } from "../cluster/filter";
import type { Dimension, Group } from "./group";

/**
 * The filter that leaves what is in a group; null if there is none. unscoped: the kinds that are in no namespace, as
 * that is what resources without one have in common.
 */
export function within(
  filter: Filter,
  by: Dimension,
  group: Group,
  unscoped: readonly string[] = [],
): Filter | null {
  const { title, namespace } = group;
  const namespaces = namespace === "" ? filter.namespaces : new Set([namespace]);
  if (by === "namespace" || by === "release") {
    if (namespace === "") return { ...filter, kinds: new Set(unscoped) };
    return title === "" || by === "namespace"
      ? { ...filter, namespaces }
      : { ...filter, namespaces, releases: new Set([title]) };
  }
  if (title === "") return null;
  switch (by) {
    case "kind":
      return { ...filter, kinds: new Set([title]) };
    case "node":
      return { ...filter, q: and(filter.q, `node:${title}`) };
    case "owner":
      return { ...filter, namespaces, q: and(filter.q, `owner:${title}`) };
    default:
      return null;
  }
}

const and = (...terms: readonly string[]): string => [...new Set(terms)].filter(Boolean).join(" ");

/** The kinds of what is in no namespace. */
export function unscopedKinds(graph: ReadonlyGraph): string[] {
  const kinds = new Set<string>();
  for (const { kind, namespace } of graph.nodes.values()) {
    if (!namespace && kind !== "Namespace") kinds.add(kind);
  }
  return [...kinds].sort();
}
