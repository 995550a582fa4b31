/** A client of problems, over real sockets; what it shares with that of the graph is tested there. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Backoff } from "../src/backoff";
import { ProblemClient, type ProblemOptions } from "../src/client";
import type { ConnectionState } from "../src/connection";
import type { FallbackReason } from "../src/probe";
import { inOrder } from "../src/problem-order";
import type { ProblemChange } from "../src/problem-set";
import type { Problem, ProblemSort } from "../src/problems";
import { BrowserWebSocket, type Peer, Server } from "./server";

const HELLO = { type: "hello", protocol: "astrolabe.v1", server: "astrolabe/1.0.0", heartbeat: 15 };
const problem = (id: string, more: Partial<Problem> = {}): Problem => ({
  ...{ id, status: "Error", reason: "CrashLoopBackOff", message: "it keeps ending" },
  cause: { kind: "Pod", group: "", namespace: "shop", name: id, uid: id },
  affected: { total: 0, kinds: {} },
  ...{ entries: [], releases: [], namespaces: ["shop"], path: [] },
  ...more,
});
const snapshot = (seq: number, problems: Problem[], epoch = "p") => ({
  ...{ type: "problems", id: "default", epoch, seq, part: 1, last: true, problems },
});
const delta = (from: number, seq: number, set: Problem[], remove: string[] = []) => ({
  ...{ type: "problems-delta", id: "default", epoch: "p", from, seq, problems: { set, remove } },
});

let server: Server;
let client: ProblemClient;
let connections: ConnectionState[];
let changes: ProblemChange[];
let detours: (FallbackReason | null)[];

beforeEach(async () => {
  vi.stubGlobal("WebSocket", BrowserWebSocket);
  server = await Server.start();
  [connections, changes, detours] = [[], [], []];
});

afterEach(async () => {
  client.stop();
  await server.stop();
  vi.unstubAllGlobals();
});

function follow(options: ProblemOptions = {}): void {
  client = new ProblemClient(
    server.url,
    {
      onChange: (some) => changes.push(...some),
      onConnection: (now) => connections.push(now),
      onFallback: (why) => detours.push(why),
    },
    { backoff: new Backoff(() => 0), ...options },
  );
  client.start();
}

const ids = () => [...client.problems.byId.keys()];
const signs = () => changes.map((change) => change.sign + change.problem.id);
const live = () => vi.waitFor(() => expect(connections.at(-1)?.state).toBe("live"));

async function begun(): Promise<Peer> {
  follow();
  const peer = await server.accept();
  await peer.hear();
  peer.say(HELLO, snapshot(2, [problem("a")]));
  await live();
  return peer;
}

describe("a client of problems", () => {
  it("asks for them, and with detail if that is wanted", async () => {
    follow({ filter: { namespace: ["shop"] }, detail: true });
    const peer = await server.accept();
    expect(await peer.hear()).toEqual({
      ...{ type: "subscribe", id: "default", what: "problems", detail: true },
      filter: { namespace: ["shop"] },
    });
    peer.say(HELLO, snapshot(2, [problem("a")]), delta(2, 3, [problem("b")], ["a"]));
    await vi.waitFor(() => expect(ids()).toEqual(["b"]));
    expect(signs()).toEqual(["+a", "+b", "-a"]);
    expect(client.problems.position).toEqual({ epoch: "p", seq: 3 });
  });

  it("resumes after a cut connection", async () => {
    (await begun()).socket.terminate();
    const again = await server.accept();
    expect(await again.hear()).toMatchObject({ what: "problems", since: { epoch: "p", seq: 2 } });
    again.say(HELLO, delta(2, 9, [problem("a", { status: "Pending" })]));
    await vi.waitFor(() => expect(signs()).toEqual(["+a", "~a"]));
  });

  it("keeps what it holds while another replica tells it everything, and tells the difference", async () => {
    (await begun()).socket.terminate();
    const other = await server.accept();
    await other.hear();
    other.say(HELLO, { type: "reset", id: "default", reason: "epoch-changed" });
    await vi.waitFor(() => expect(connections.at(-1)?.state).toBe("catching-up"));
    expect(ids()).toEqual(["a"]);
    other.say(snapshot(2, [problem("a"), problem("c")], "q"));
    await live();
    expect(signs()).toEqual(["+a", "+c"]);
    expect(client.problems.position).toEqual({ epoch: "q", seq: 2 });
  });

  it("asks for everything anew when the contract is broken", async () => {
    (await begun()).say(delta(5, 6, [problem("b")]));
    const again = await server.accept();
    expect(await again.hear()).not.toHaveProperty("since");
    expect(ids()).toEqual(["a"]);
  });

  it("falls back to server-sent events, and resumes there", async () => {
    server.upgrades = false;
    follow({ filter: { q: "ns:shop" } });
    const reader = await server.acceptReader();
    expect(server.paths.at(-1)).toBe("/api/v1/events?q=ns%3Ashop&what=problems");
    reader.say(HELLO, snapshot(2, [problem("a")]));
    await live();
    expect(detours.at(-1)).toBe("upgrade");
    reader.response.destroy();
    const again = await server.acceptReader();
    expect(server.paths.at(-1)).toBe("/api/v1/events?q=ns%3Ashop&what=problems&since=p%3A2");
    again.say(HELLO, delta(2, 3, [problem("b")]));
    await vi.waitFor(() => expect(ids()).toEqual(["a", "b"]));
  });

  it("of a server that is too old says so", async () => {
    follow();
    const peer = await server.accept();
    await peer.hear();
    peer.say(HELLO, { type: "error", code: "bad-message", message: "unknown field `what`" });
    peer.socket.close(4500);
    await vi.waitFor(() => expect(connections.at(-1)?.state).toBe("refused"));
  });
});

describe("the order of problems", () => {
  const some = [
    problem("old", { reach: 1, since: "2026-01-01T00:00:00Z", affected: { total: 9, kinds: {} } }),
    problem("near", { reach: 2001, since: "2026-01-03T00:00:00Z" }),
    problem("slow", { status: "Pending", reach: 5000, since: "2026-01-02T00:00:00Z" }),
    problem("timeless", { reach: 1 }),
    problem("over", { reach: 9000, ended: "2026-01-04T00:00:00Z" }),
  ];

  it.each<[ProblemSort, string]>([
    ["severity", "near old timeless slow over"],
    ["reach", "slow near old timeless over"],
    ["affected", "old near timeless slow over"],
    ["age", "old slow near timeless over"],
    ["newest", "near slow old timeless over"],
  ])("by %s", (sort, expected) => {
    expect(inOrder(some, sort).map(({ id }) => id)).toEqual(expected.split(" "));
    expect(inOrder([...some].reverse(), sort).map(({ id }) => id)).toEqual(expected.split(" "));
  });
});
