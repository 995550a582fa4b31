import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Kinds } from "@astrolabe/stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Descriptions } from "../../src/state/descriptions";

const POD = { kind: "Pod", plural: "pods", layer: "pod", column: 3 };
const CRAWLER = { kind: "Crawler", plural: "crawlers", layer: "workload", column: 2 };

let kinds: unknown[] = [];
let asked = 0;
let server: Server;

beforeEach(async () => {
  kinds = [POD];
  asked = 0;
  server = createServer((request, answer) => {
    const isKinds = request.url === "/api/v1/kinds";
    if (isKinds) asked++;
    answer.end(JSON.stringify(isKinds ? kinds : []));
  });
  await new Promise<void>((started) => server.listen(0, "127.0.0.1", started));
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

/** What is told, in order; `next` waits for it. every: milliseconds between two questions. */
function describedBy(every: number): { descriptions: Descriptions; next: () => Promise<Kinds | null> } {
  const told: (Kinds | null)[] = [];
  let wake: () => void = () => {};
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/ws`;
  const listener = {
    onDescriptions: (answer: Kinds | null) => {
      told.push(answer);
      wake();
    },
  };
  const next = async (): Promise<Kinds | null> => {
    if (told.length === 0)
      await new Promise<void>((awake) => {
        wake = awake;
      });
    return told.shift() ?? null;
  };
  return { descriptions: new Descriptions(url, () => null, listener, every), next };
}

it("are asked for again when nodes of a new kind come, once for all of them", async () => {
  const { descriptions, next } = describedBy(50);
  descriptions.connected();
  expect(descriptions.isAwaited).toBe(true);
  expect((await next())?.has("Crawler")).toBe(false);
  kinds = [POD, CRAWLER];
  const before = performance.now();
  for (const kind of ["Pod", "Crawler", "Crawler", "Spider"]) descriptions.seen(kind);
  const later = await next();
  expect(later?.of("Crawler")).toMatchObject(CRAWLER);
  expect(performance.now() - before).toBeLessThan(5_000);
  expect(asked).toBe(2);
});

it("are not asked for again because of a kind that a fresh answer did not have", async () => {
  const { descriptions, next } = describedBy(0);
  descriptions.connected();
  await next();
  kinds = [POD, CRAWLER];
  for (const kind of ["Crawler", "Spider"]) descriptions.seen(kind);
  await next();
  descriptions.seen("Spider");
  kinds = [POD, CRAWLER, { kind: "Beetle" }];
  descriptions.seen("Beetle");
  await next();
  expect(asked).toBe(3);
});

it("are not asked for before there is a connection", async () => {
  const { descriptions } = describedBy(0);
  descriptions.seen("Crawler");
  expect(descriptions.isAwaited).toBe(false);
  expect(asked).toBe(0);
});
