/**
 * The stream as server-sent events (WHATWG HTML, 9.2), for when no WebSocket gets through.
 *
 * It uses fetch because EventSource cannot set headers, and so cannot send a token.
 */

import {
  ABNORMAL_CLOSURE,
  type Closure,
  FIRST_FINAL_CODE,
  type Transport,
  type TransportListener,
  UNAUTHORISED,
} from "./transport";

/** HTTP statuses that the same request will always get. */
const FINAL_STATUSES = new Set([400, 403, 404, 421]);

/** Parses the data of each event from text that arrives in chunks. */
export class EventParser {
  #line = "";
  #data: string[] = [];
  /** Whether the last chunk ended with a carriage return, to which a following line feed belongs. */
  #endedWithReturn = false;

  /** The events that this chunk completes. */
  add(chunk: string): string[] {
    const text = this.#endedWithReturn && chunk.startsWith("\n") ? chunk.slice(1) : chunk;
    if (chunk !== "") this.#endedWithReturn = chunk.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop() ?? "";
    return lines.flatMap((line) => this.#take(line));
  }

  #take(line: string): string[] {
    if (line === "") {
      const data = this.#data;
      this.#data = [];
      return data.length > 0 ? [data.join("\n")] : [];
    }
    if (line.startsWith("data:")) this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    return [];
  }
}

export function openEventStream(
  url: string,
  headers: Record<string, string>,
  listener: TransportListener,
): Transport {
  const abort = new AbortController();
  const options = { headers: { ...headers, Accept: "text/event-stream" }, cache: "no-store" } as const;
  read(fetch(url, { ...options, signal: abort.signal }), listener)
    .catch(() => ({ code: ABNORMAL_CLOSURE, reason: "" })) // fetch does not say why
    .then((closure) => listener.closed(closure));
  return { send: () => {}, close: () => abort.abort() };
}

async function read(request: Promise<Response>, listener: TransportListener): Promise<Closure> {
  const response = await request;
  if (!response.ok) return refused(response);
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.startsWith("text/event-stream") || response.body === null) {
    return {
      code: FIRST_FINAL_CODE,
      reason: `this is not an Astrolabe server: it answers with ${type || "nothing"}`,
    };
  }
  listener.opened();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { code: ABNORMAL_CLOSURE, reason: "" };
    for (const data of parser.add(decoder.decode(value, { stream: true }))) listener.received(data);
  }
}

async function refused(response: Response): Promise<Closure> {
  if (response.status === 401) return { code: UNAUTHORISED, reason: "" };
  const said = await response.json().catch(() => null);
  const reason = typeof said?.message === "string" ? said.message : `HTTP ${response.status}`;
  const error = typeof said?.error === "string" ? said.error : "";
  return { code: FINAL_STATUSES.has(response.status) ? FIRST_FINAL_CODE : ABNORMAL_CLOSURE, reason, error };
}
