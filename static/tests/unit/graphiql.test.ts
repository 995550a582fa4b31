/** How GraphiQL tells a subscription, and reads its answers. */

import { expect, test } from "vitest";
import { answers, isSubscription } from "../../src/graphiql/fetcher";

test.each([
  ["subscription { changes { type } }", undefined, true],
  ["# a comment\nsubscription Live($f: Filter) { graph(filter: $f) { type } }", undefined, true],
  ["query A { state { state } }\nsubscription B { changes { type } }", "A", false],
  ["query A { state { state } }\nsubscription B { changes { type } }", "B", true],
  ["{ state { state } }", undefined, false],
])("%s", (query, operationName, follows) => {
  expect(isSubscription({ query, ...(operationName ? { operationName } : {}) })).toBe(follows);
});

test("events come in any pieces", async () => {
  const text =
    'event: next\ndata: {"data":{"a":"ä"}}\n\n: a comment\n\nevent: next\ndata: {"data":2}\n\nevent: complete\ndata: \n\n';
  const bytes = new TextEncoder().encode(text);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.slice(at, at + 7));
      controller.close();
    },
  });
  const found = [];
  for await (const answer of answers(stream)) found.push(answer);
  expect(found).toEqual([{ data: { a: "ä" } }, { data: 2 }]);
});
