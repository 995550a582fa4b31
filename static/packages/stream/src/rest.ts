/** Questions to the REST API, which is beside the stream. */

import { bearerHeaders } from "./credentials";

/** A request that the server refused. code: its word for it, or empty. at: where a search does not parse. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly status: number;
  readonly code: string;
  readonly at: number | null;

  constructor(status: number, body: unknown) {
    const { error, message, at } = (body ?? {}) as { error?: unknown; message?: unknown; at?: unknown };
    super(typeof message === "string" ? message : `HTTP ${status}`);
    this.status = status;
    this.code = typeof error === "string" ? error : "";
    this.at = typeof at === "number" ? at : null;
  }
}

/** The JSON document at a path of the API. stream: the URL of the WebSocket. Throws RefusedError. */
export async function fetchJson<T>(
  path: string,
  stream: string,
  token: string | null,
  signal?: AbortSignal,
): Promise<T> {
  const url = new URL(path, stream);
  url.protocol = url.protocol === "wss:" ? "https:" : "http:";
  const answer = await fetch(url.href, { headers: bearerHeaders(token), ...(signal && { signal }) });
  if (!answer.ok) throw new RefusedError(answer.status, await answer.json().catch(() => null));
  return answer.json();
}
