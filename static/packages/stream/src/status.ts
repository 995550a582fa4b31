/** The statuses of a resource and their order, which is the server's (`astrolabe.graph.state.status`). */

export type Status = "Error" | "Pending" | "Unknown" | "Ready";

/** From the worst to the best. */
export const STATUSES: readonly Status[] = ["Error", "Pending", "Unknown", "Ready"];

const SEVERITY: ReadonlyMap<string, number> = new Map(STATUSES.map((status, index) => [status, -index]));

/** The larger, the worse. A status that a later server adds counts as Unknown. */
export const severity = (status: string): number => SEVERITY.get(status) ?? -STATUSES.indexOf("Unknown");
