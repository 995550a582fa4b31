/** How GraphiQL asks: each operation is a POST, whose answer is JSON or, of a subscription, server-sent events. */

import type { FetcherParams } from "@graphiql/toolkit";

/** The answers in a stream of server-sent events (graphql-sse, distinct connections). */
export async function* answers(stream: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        const data = /^data: (.+)$/m.exec(event)?.[1];
        if (/^event: next$/m.test(event) && data !== undefined) yield JSON.parse(data);
      }
    }
  } finally {
    await reader.cancel();
  }
}

export function isSubscription(params: FetcherParams): boolean {
  const named = params.operationName;
  const operation = new RegExp(named ? `\\bsubscription\\s+${named}\\b` : "^\\s*subscription\\b", "m");
  return operation.test(params.query);
}

/** token: of who has signed in to the viewer; a header of the editor goes before it. */
export async function ask(
  url: string,
  params: FetcherParams,
  headers: Record<string, string>,
  token: string | null,
): Promise<unknown> {
  const follows = isSubscription(params);
  const response = await fetch(url, {
    method: "POST",
    body: JSON.stringify(params),
    headers: {
      "Content-Type": "application/json",
      Accept: follows ? "text/event-stream" : "application/json",
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
  });
  if (!follows || !response.ok || response.body === null) return response.json();
  return answers(response.body);
}
