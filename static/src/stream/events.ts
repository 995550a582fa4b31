/**
 * The stream as server-sent events (WHATWG HTML, 9.2), for a page whose WebSocket does not come through.
 *
 * By fetch, as EventSource sets no headers, and so shows no token.
 */

import { type Channel, type ChannelListener, type End, FINAL, LOST, UNAUTHORISED } from "./channel";

/** Statuses for which the request is to blame. */
const REFUSALS = new Set([400, 403, 404, 421]);

/** The data of each event in a text that comes in pieces. */
export class EventParser {
  #line = "";
  #data: string[] = [];
  /** Whether a line feed that comes next belongs to the carriage return before. */
  #returned = false;

  /** Those that are complete with this piece. */
  add(piece: string): string[] {
    const text = this.#returned && piece.startsWith("\n") ? piece.slice(1) : piece;
    if (piece !== "") this.#returned = piece.endsWith("\r");
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

/** By server-sent events. headers: of the request. */
export function openEvents(url: string, headers: Record<string, string>, listener: ChannelListener): Channel {
  const abort = new AbortController();
  const options = { headers: { ...headers, Accept: "text/event-stream" }, cache: "no-store" } as const;
  follow(fetch(url, { ...options, signal: abort.signal }), listener)
    .catch(() => ({ code: LOST, reason: "" })) // fetch and its body tell nothing of why
    .then((end) => listener.ended(end));
  return { send: () => {}, close: () => abort.abort() };
}

async function follow(asked: Promise<Response>, listener: ChannelListener): Promise<End> {
  const response = await asked;
  if (!response.ok) return refusal(response);
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.startsWith("text/event-stream") || response.body === null) {
    return { code: FINAL, reason: `this is no Astrolabe: it answers with ${type || "nothing"}` };
  }
  listener.opened();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { code: LOST, reason: "" };
    for (const data of parser.add(decoder.decode(value, { stream: true }))) listener.heard(data);
  }
}

async function refusal(response: Response): Promise<End> {
  if (response.status === 401) return { code: UNAUTHORISED, reason: "" };
  const said = await response.json().catch(() => null);
  const reason = typeof said?.message === "string" ? said.message : `HTTP ${response.status}`;
  const error = typeof said?.error === "string" ? said.error : "";
  return { code: REFUSALS.has(response.status) ? FINAL : LOST, reason, error };
}
