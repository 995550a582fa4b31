/** The search language of the server: what may be written, and what a search finds. */

import { fetchJson } from "./rest";
import type { Status } from "./status";

/** A text to put in place of what is typed. resources: how many have it, where somebody counts. */
export interface Proposal {
  readonly text: string;
  readonly description?: string;
  readonly resources?: number;
}

/** The proposals for the characters from `start` to `end`, in UTF-16 units as in a text field. */
export interface Completion {
  readonly start: number;
  readonly end: number;
  readonly proposals: readonly Proposal[];
}

/** A resource that a search finds. cluster: only of a server of several. */
export interface SearchHit {
  readonly uid: string;
  readonly kind: string;
  readonly cluster?: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: Status;
  readonly reason: string;
  readonly message: string;
  readonly release: string;
}

/** hits: the best of them, the best first. total: of all. */
export interface SearchHits {
  readonly total: number;
  readonly hits: readonly SearchHit[];
}

/** The server counts characters, a text field UTF-16 units. */
const characters = (text: string, units: number): number => [...text.slice(0, units)].length;
/** How many UTF-16 units so many characters of a text have. */
export const unitsOf = (text: string, count: number): number => [...text].slice(0, count).join("").length;

/** What may be written at the cursor, which counts UTF-16 units. stream: the address of the stream. */
export async function fetchCompletion(
  stream: string,
  token: string | null,
  q: string,
  cursor: number,
  signal?: AbortSignal,
): Promise<Completion> {
  const query = new URLSearchParams({ q, cursor: String(characters(q, cursor)) });
  const { start, end, proposals } = await fetchJson<Completion>(`complete?${query}`, stream, token, signal);
  return { start: unitsOf(q, start), end: unitsOf(q, end), proposals };
}

/** What a search finds. filter: more parameters, as of any filter. Throws RefusedError if it does not parse. */
export const fetchHits = (
  stream: string,
  token: string | null,
  query: URLSearchParams,
  signal?: AbortSignal,
): Promise<SearchHits> => fetchJson(`find?${query}`, stream, token, signal);
