/** A client of what is around some nodes, over real sockets; what it shares with that of the graph is tested there. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Backoff } from "../src/backoff";
import { NeighbourhoodClient, SummaryClient } from "../src/client";
import { BrowserWebSocket, Server } from "./server";

const HELLO = { type: "hello", protocol: "astrolabe.v1", server: "astrolabe/1.0.0", heartbeat: 15 };
const node = (uid: string) => ({ uid, name: uid, kind: "Pod", status: "Ready" });
const options = { backoff: new Backoff(() => 0) };
const listener = { onChange: () => {}, onConnection: () => {} };

let server: Server;
let client: NeighbourhoodClient | SummaryClient;

beforeEach(async () => {
  vi.stubGlobal("WebSocket", BrowserWebSocket);
  server = await Server.start();
});

afterEach(async () => {
  client.stop();
  await server.stop();
  vi.unstubAllGlobals();
});

it("holds what is around a focus, which moves without a new subscription", async () => {
  const around = new NeighbourhoodClient(server.url, { focus: ["a"], depth: 1 }, listener, options);
  client = around;
  around.start();
  const peer = await server.accept();
  expect(await peer.hear()).toEqual({
    ...{ type: "subscribe", id: "default", what: "neighbourhood", focus: ["a"], depth: 1, filter: {} },
  });
  const snapshot = { type: "snapshot", id: "default", epoch: "n", seq: 2, part: 1, last: true, edges: [] };
  peer.say(HELLO, { ...snapshot, nodes: [node("a")], beyond: [{ kind: "Pod", count: 3 }] });
  await vi.waitFor(() => expect([...around.neighbourhood.nodes.keys()]).toEqual(["a"]));
  expect(around.neighbourhood.beyond).toEqual([{ kind: "Pod", count: 3 }]);
  around.refocus(["b"]);
  expect(await peer.hear()).toEqual({ type: "refocus", id: "default", focus: ["b"] });
  const delta = { type: "delta", id: "default", epoch: "n", from: 2, seq: 3, beyond: [] };
  peer.say({ ...delta, nodes: { set: [node("b")], remove: ["a"] }, edges: { set: [], remove: [] } });
  await vi.waitFor(() => expect([...around.neighbourhood.nodes.keys()]).toEqual(["b"]));
  expect(around.neighbourhood.beyond).toEqual([]);
  peer.socket.terminate();
  const again = await server.accept();
  expect(await again.hear()).toMatchObject({ focus: ["b"], depth: 1, since: { epoch: "n", seq: 3 } });
});

it("holds the groups of a summary", async () => {
  const counting = new SummaryClient(server.url, ["namespace"], listener, {
    ...options,
    filter: { kind: ["Pod"] },
  });
  client = counting;
  counting.start();
  const peer = await server.accept();
  expect(await peer.hear()).toEqual({
    ...{ type: "subscribe", id: "default", what: "summary", by: ["namespace"], filter: { kind: ["Pod"] } },
  });
  const group = {
    id: "a",
    namespace: "a",
    total: 1,
    problems: 0,
    ready: 1,
    pending: 0,
    error: 0,
    unknown: 0,
  };
  const place = { id: "default", epoch: "s", seq: 2, graph: "g:1" };
  peer.say(HELLO, { type: "summary", ...place, part: 1, last: true, groups: [group] });
  await vi.waitFor(() => expect([...counting.summary.byId.values()]).toEqual([group]));
});
