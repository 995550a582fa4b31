/** What is broken, why, and what depends on it, as the server answers it. */

import { fetchJson } from "./rest";
import type { Status } from "./status";

/** Who something is. What does not exist has no uid and no status. cluster: only of a server of several. */
export interface ProblemNode {
  readonly kind: string;
  readonly group: string;
  readonly cluster?: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly status?: Status;
  readonly missing?: boolean;
}

/** count, members: of a group of nodes that are broken for the same reason; the cause names its first. */
export interface ProblemCause extends ProblemNode {
  readonly count?: number;
  readonly members?: readonly ProblemNode[];
}

/**
 * One cause with all that it breaks. id: the same from beginning to end. reach: how far it is felt, for the order;
 * absent from an older server. path: from an entry to the cause.
 */
export interface Problem {
  readonly id: string;
  readonly status: Status;
  readonly reach?: number;
  readonly reason: string;
  readonly message: string;
  readonly since?: string;
  readonly cause: ProblemCause;
  readonly affected: {
    readonly total: number;
    readonly kinds: Readonly<Record<string, number>>;
    readonly nodes?: readonly ProblemNode[];
  };
  readonly entries: readonly ProblemNode[];
  readonly releases: readonly { readonly namespace: string; readonly name: string }[];
  readonly namespaces: readonly string[];
  readonly path: readonly ProblemNode[];
  readonly ended?: string;
  readonly flaps?: number;
}

/** A node on the way from a cause. */
export interface CauseStep extends ProblemNode {
  readonly reason?: string;
  readonly message?: string;
  readonly since?: string;
}

/** Why a node is as it is. chain: from a root cause to the node; empty when it is well. others: further causes. */
export interface Why {
  readonly node: CauseStep;
  readonly chain: readonly CauseStep[];
  readonly others: readonly (readonly CauseStep[])[];
  readonly needs: readonly ProblemNode[];
}

/** What would stop, go on with less, or lose one of its copies. */
export interface ImpactLevels<T> {
  readonly stops: T;
  readonly degrades: T;
  readonly losesCopy: T;
}

/** counts: of each kind at each level; exact, while levels name a thousand at most. later: what fails at its next start. */
export interface Impact {
  readonly target: ProblemNode;
  readonly levels: ImpactLevels<readonly ProblemNode[]>;
  readonly counts?: ImpactLevels<Readonly<Record<string, number>>>;
  readonly later?: readonly ProblemNode[];
  readonly entries?: readonly ProblemNode[];
}

/** The orders of a list of problems. */
export const PROBLEM_SORTS = ["severity", "reach", "affected", "age", "newest"] as const;
export type ProblemSort = (typeof PROBLEM_SORTS)[number];

/** One problem, with the nodes that it affects. stream: the address of the stream. */
export const fetchProblem = (stream: string, token: string | null, id: string): Promise<Problem> =>
  fetchJson(`problems/${encodeURIComponent(id)}`, stream, token);

export const fetchWhy = (stream: string, token: string | null, uid: string): Promise<Why> =>
  fetchJson(`resources/${encodeURIComponent(uid)}/why`, stream, token);

export const fetchImpact = (stream: string, token: string | null, uid: string): Promise<Impact> =>
  fetchJson(`resources/${encodeURIComponent(uid)}/impact?action=fail`, stream, token);
