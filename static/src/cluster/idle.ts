import type { Node, Status } from "@astrolabe/stream";

/** Whether it waits for nothing: it is empty because somebody has scaled to zero what it would lead to. */
export const isIdle = (node: Node): boolean =>
  node.status === "Pending" && MEANT.test(node.message ?? "") && EMPTY.has(node.reason ?? "");

/** Reasons of what passes on that there is nothing behind it. */
const EMPTY: ReadonlySet<string> = new Set(["NoMatchingPods", "NoEndpoints", "BackendPending"]);
const MEANT = /is scaled to zero|finds no matching node/;

/** How it counts on a map: what is meant to be empty is as it should be. */
export const shownStatus = (node: Node): Status => (isIdle(node) ? "Ready" : node.status);
