import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Backoff } from "../src/backoff";
import { StreamClient, type StreamOptions } from "../src/client";
import type { ConnectionState } from "../src/connection";
import { bearerHeaders, type Credentials, subprotocols } from "../src/credentials";
import type { Change } from "../src/graph";
import type { FallbackReason } from "../src/probe";
import { EventParser } from "../src/server-sent-events";
import type { ServerState } from "../src/server-state";
import { BrowserWebSocket, type Peer, Server } from "./server";

const HELLO = { type: "hello", protocol: "astrolabe.v1", server: "astrolabe/1.0.0", heartbeat: 15 };
const node = (uid: string, status = "Ready") => ({ uid, name: uid, kind: "Pod", status });
const snapshot = (seq: number, ...nodes: unknown[]) => ({
  ...{ type: "snapshot", id: "default", epoch: "e", seq, part: 1, last: true, nodes, edges: [] },
});
const delta = (from: number, seq: number, ...set: unknown[]) => ({
  ...{ type: "delta", id: "default", epoch: "e", from, seq },
  ...{ nodes: { set, remove: [] }, edges: { set: [], remove: [] } },
});
const AT_ONCE = () => new Backoff(() => 0);

/** Holds a token. */
class Keyring implements Credentials {
  token: string | null = null;

  forget(): void {
    this.token = null;
  }
}

let server: Server;
let client: StreamClient;
let connections: ConnectionState[];
let changes: Change[];
let updates: number;
let told: (ServerState | null)[];
let detours: (FallbackReason | null)[];

beforeEach(async () => {
  vi.stubGlobal("WebSocket", BrowserWebSocket);
  server = await Server.start();
  connections = [];
  changes = [];
  updates = 0;
  told = [];
  detours = [];
});

afterEach(async () => {
  client.stop();
  await server.stop();
  vi.unstubAllGlobals();
});

function follow(filter = {}, options: StreamOptions = {}): void {
  client = new StreamClient(
    server.url,
    {
      onChange: (some) => changes.push(...some),
      onConnection: (now) => connections.push(now),
      onServerState: (now) => told.push(now),
      onFallback: (why) => detours.push(why),
      onServerUpdate: () => {
        updates += 1;
      },
    },
    { filter, backoff: AT_ONCE(), credentials: new Keyring(), ...options },
  );
  client.start();
}

const states = () => connections.map((each) => each.state);
const reasons = () => connections.flatMap((each) => ("reason" in each ? [each.reason] : []));
const became = (state: ConnectionState["state"]) => vi.waitFor(() => expect(states().at(-1)).toBe(state));

/** Accepted, greeted, and brought to seq 1 with a node a. */
async function live(): Promise<Peer> {
  follow();
  const peer = await server.accept();
  await peer.hear();
  peer.say(HELLO, snapshot(1, node("a")));
  await became("live");
  return peer;
}

describe("a client", () => {
  it("subscribes with its filter and follows", async () => {
    follow({ namespace: ["shop"] });
    const peer = await server.accept();
    expect(await peer.hear()).toEqual({
      type: "subscribe",
      id: "default",
      filter: { namespace: ["shop"] },
    });
    expect(server.paths).toEqual(["/api/v1/ws?subscribe=false"]);
    peer.say(HELLO, snapshot(1, node("a")), delta(1, 2, node("b")));
    await vi.waitFor(() => expect(client.graph.position).toEqual({ epoch: "e", seq: 2 }));
    expect(states()).toEqual(["connecting", "catching-up", "live"]);
    expect(changes).toEqual([
      { sign: "+", node: node("a") },
      { sign: "+", node: node("b") },
    ]);
  });

  it("resumes after a cut connection", async () => {
    (await live()).socket.terminate();
    const again = await server.accept();
    expect(await again.hear()).toMatchObject({ since: { epoch: "e", seq: 1 } });
    again.say(HELLO, delta(1, 5, node("a", "Error")));
    await became("live");
    expect(states().slice(2)).toEqual(["live", "disconnected", "catching-up", "live"]);
    expect(reasons()).toEqual(["the connection was lost"]);
    expect(client.graph.nodes.get("a")?.status).toBe("Error");
  });

  it("comes back at once when rights have changed, and does not call that a loss", async () => {
    const never = { ...AT_ONCE(), delay: () => 600_000 } as unknown as Backoff;
    follow({}, { backoff: never });
    const peer = await server.accept();
    peer.say(HELLO, snapshot(1, node("a"), node("b")));
    await became("live");
    changes = [];
    peer.say({ type: "error", code: "rights-changed", message: "your rights have changed; come back" });
    peer.socket.close(4010);
    const again = await server.accept();
    expect(await again.hear()).toMatchObject({ since: { epoch: "e", seq: 1 } });
    again.say(HELLO, { type: "reset", id: "default", reason: "epoch" }, snapshot(9, node("b")));
    await vi.waitFor(() => expect(client.graph.position).toEqual({ epoch: "e", seq: 9 }));
    expect(changes.map((change) => change.sign)).toEqual(["-"]);
    expect(states()).not.toContain("disconnected");
    // A server that says it again and again is not asked without a pause.
    again.socket.close(4010);
    (await server.accept()).socket.close(4010);
    await became("disconnected");
    expect(reasons()).toEqual(["what you may see has changed"]);
  });

  it("keeps what it holds through a reset, and tells what differs", async () => {
    const peer = await live();
    changes = [];
    peer.say({ type: "reset", id: "default", reason: "lagging" });
    await became("catching-up");
    expect(client.graph.nodes.size).toBe(1);
    peer.say(snapshot(9, node("b")));
    await became("live");
    expect(changes.map((change) => change.sign)).toEqual(["+", "-"]);
  });

  it("asks for all anew when the contract is broken", async () => {
    (await live()).say(delta(4, 5, node("b")));
    const again = await server.accept();
    expect(await again.hear()).not.toHaveProperty("since");
    expect(client.graph.nodes.size).toBe(1);
    expect(reasons()[0]).toMatch(/^the server violated the protocol: a delta of e:5 since 4/);
  });

  it("tells when another version of the server is there", async () => {
    (await live()).socket.terminate();
    const again = await server.accept();
    again.say({ ...HELLO, server: "astrolabe/1.1.0" }, delta(1, 2));
    await became("live");
    expect(updates).toBe(1);
  });

  it("gives up a server that falls silent", async () => {
    follow();
    const peer = await server.accept();
    peer.say({ ...HELLO, heartbeat: 0.02 }, snapshot(1));
    await server.accept();
    expect(reasons()).toEqual(["nothing received for 0.05 s"]);
  });

  it("comes back after a close code below 4500, with the server's reason", async () => {
    const peer = await live();
    peer.say({ type: "error", code: "slow", message: "this client takes nothing" });
    peer.socket.close(4008);
    await server.accept();
    expect(reasons()).toEqual(["this client takes nothing"]);
  });

  it("stays away after a close code from 4500 on", async () => {
    const peer = await live();
    peer.socket.close(4500, "what is this");
    await became("refused");
    expect(reasons()).toEqual(["what is this"]);
  });

  it("does not insist on a filter that is refused", async () => {
    follow({ kind: ["Sheep"] });
    const peer = await server.accept();
    peer.say(HELLO, { type: "error", id: "default", code: "bad-filter", message: "unknown kind 'Sheep'" });
    await became("refused");
    expect(reasons()).toEqual(["unknown kind 'Sheep'"]);
  });

  it("asks again later for a filter for which there is no room", async () => {
    follow({ kind: ["Pod"] });
    const full = { type: "error", id: "default", code: "too-many-filters", message: "1000 are in use" };
    (await server.accept()).say(HELLO, full);
    const again = await server.accept();
    expect(await again.hear()).toMatchObject({ type: "subscribe", filter: { kind: ["Pod"] } });
    again.say(HELLO, snapshot(1));
    await became("live");
    expect(reasons()).toEqual(["1000 are in use"]);
  });

  it("goes on when it is told that it follows already", async () => {
    const twice = { type: "error", id: "default", code: "duplicate-id", message: "the id is in use" };
    (await live()).say(twice, delta(1, 2, node("b")));
    await vi.waitFor(() => expect(client.graph.position?.seq).toBe(2));
    expect(states()).toEqual(["connecting", "catching-up", "live"]);
  });

  it("does not insist on a server that is something else", async () => {
    follow();
    (await server.accept()).socket.send("<html>");
    await became("refused");
    expect(reasons()).toEqual(["this is not an Astrolabe server: it sends something that is not JSON"]);
  });

  it("waits before it tries again, and not when told that the network is back", async () => {
    follow({}, { backoff: new Backoff(() => 1) });
    for (let failures = 0; failures < 3; failures += 1) (await server.accept()).socket.terminate();
    await vi.waitFor(() => expect(reasons()).toHaveLength(3));
    const last = connections.at(-1);
    expect(last?.state === "disconnected" && last.retry - Date.now()).toBeGreaterThan(200);
    client.retry();
    await server.accept();
  });

  it("says since when it is disconnected, however often it has tried", async () => {
    (await live()).socket.terminate();
    for (let failures = 0; failures < 3; failures += 1) (await server.accept()).socket.terminate();
    await vi.waitFor(() => expect(states().filter((state) => state === "disconnected")).toHaveLength(4));
    expect(new Set(connections.flatMap((each) => ("since" in each ? [each.since] : []))).size).toBe(1);
  });
});

describe("what the server says of itself", () => {
  const state = (name: string, more = {}) => ({ type: "state", state: name, ...more });

  it("is told, and forgotten with the connection", async () => {
    follow();
    const peer = await server.accept();
    const partial = { partial: [{ kind: "Secret", reason: "forbidden", why: "403", colour: "red" }] };
    peer.say(HELLO, state("syncing"), snapshot(1, node("a")), state("partial", { ...partial, mood: 1 }));
    await vi.waitFor(() => expect(told).toHaveLength(2));
    expect(told).toEqual([state("syncing"), state("partial", { ...partial, mood: 1 })]);
    peer.socket.terminate();
    await vi.waitFor(() => expect(told.at(-1)).toBeNull());
  });

  it("must be what it is said to be", async () => {
    (await live()).say({ type: "state", state: "live", partial: "none" });
    await vi.waitFor(() =>
      expect(reasons()[0]).toMatch(/^the server violated the protocol: .*malformed: state/),
    );
  });
});

describe("a client whose WebSocket does not get through", () => {
  const state = { type: "state", state: "live" };

  beforeEach(() => {
    server.upgrades = false;
  });

  /** By events, at seq 1 with a node a. */
  async function roundabout(options: StreamOptions = {}) {
    follow({ namespace: ["shop", "blog"], q: "w&b" }, options);
    const reader = await server.acceptReader();
    reader.say(HELLO, state, snapshot(1, node("a")));
    await became("live");
    return reader;
  }

  it("follows by server-sent events, and says what is in the way", async () => {
    const reader = await roundabout();
    expect(server.paths).toEqual(["/api/v1/events?namespace=shop%2Cblog&q=w%26b"]);
    reader.say(delta(1, 2, node("b")));
    await vi.waitFor(() => expect(client.graph.position?.seq).toBe(2));
    expect(detours).toEqual(["upgrade"]);
    expect(told.at(-1)).toEqual(state);
    expect(reasons()).toEqual(["no WebSocket gets through", "no WebSocket gets through"]);
  });

  it("needs more than one failure for that", async () => {
    follow({}, { backoff: new Backoff(() => 1) });
    await vi.waitFor(() => expect(reasons()).toHaveLength(1));
    server.upgrades = true;
    (await server.accept()).say(HELLO, snapshot(1));
    await became("live");
    expect(detours).toEqual([null]);
  });

  it("resumes where it was", async () => {
    const reader = await roundabout();
    reader.say({ type: "error", code: "going-away", message: "the server is going away" } as never);
    reader.response.end();
    const again = await server.acceptReader();
    expect(server.paths.at(-1)).toBe("/api/v1/events?namespace=shop%2Cblog&q=w%26b&since=e%3A1");
    expect(reasons().at(-1)).toBe("the server is going away");
    again.say(HELLO, delta(1, 7));
    await became("live");
  });

  it("shows its token, and asks for another when that is withdrawn", async () => {
    server.tokens = new Set(["good"]);
    const keyring = new Keyring();
    keyring.token = "good";
    const reader = await roundabout({ credentials: keyring });
    reader.say({ type: "error", code: "unauthorised", message: "the token is no longer known" } as never);
    reader.response.end();
    await became("locked");
    expect(connections.at(-1)).toEqual({ state: "locked", why: "withdrawn", checking: false });
  });

  it("lets in whose token is given there", async () => {
    server.tokens = new Set(["good"]);
    const keyring = new Keyring();
    follow({}, { credentials: keyring });
    await became("locked");
    keyring.token = "good";
    client.retry();
    (await server.acceptReader()).say(HELLO, snapshot(1));
    await became("live");
    expect(keyring.token).toBe("good");
  });

  it("goes over to a WebSocket as soon as one comes through", async () => {
    const reader = await roundabout({ retryWebSocketEvery: 20 });
    server.upgrades = true;
    const peer = await server.accept();
    peer.say(HELLO);
    expect(await peer.hear()).toMatchObject({ type: "subscribe", since: { epoch: "e", seq: 1 } });
    peer.say(delta(1, 3, node("c")));
    await vi.waitFor(() => expect(client.graph.position?.seq).toBe(3));
    expect(states().at(-1)).toBe("live");
    expect(detours).toEqual(["upgrade", null]);
    await vi.waitFor(() => expect(reader.response.destroyed).toBe(true));
  });

  it("does not insist on a filter that is refused", async () => {
    const body = JSON.stringify({ error: "bad-filter", message: "unknown kind 'Sheep'" });
    server.refusal = { status: 400, body, type: "application/json" };
    follow();
    await became("refused");
    expect(reasons().at(-1)).toBe("unknown kind 'Sheep'");
  });

  it("does not insist on a page in place of events", async () => {
    server.refusal = { status: 200, body: "<html>", type: "text/html" };
    follow();
    await became("refused");
    expect(reasons().at(-1)).toBe("this is not an Astrolabe server: it answers with text/html");
  });

  it("tries both ways again when the events fail, too", async () => {
    server.refusal = { status: 503, body: "", type: "text/plain" };
    follow({}, { retryWebSocketEvery: 20 }); // it may be on either way when both are open
    await vi.waitFor(() => expect(reasons()).toContain("HTTP 503"));
    server.refusal = null;
    server.upgrades = true;
    (await server.accept()).say(HELLO, snapshot(1));
    await became("live");
  });

  it("takes the same way when the server takes it for a stranger", async () => {
    server.upgrades = true;
    follow();
    const peer = await server.accept();
    peer.say({ type: "error", code: "forbidden-origin", message: "no page of http://x may connect" });
    peer.socket.close(4503);
    (await server.acceptReader()).say(HELLO, snapshot(1));
    await became("live");
    expect(detours).toEqual([null, "host"]);
  });
});

describe("server-sent events", () => {
  const parse = (...pieces: string[]) => {
    const parser = new EventParser();
    return pieces.flatMap((piece) => parser.add(piece));
  };

  it("are put together of whatever pieces, with any ends of lines", () => {
    expect(
      parse("event: a\nda", "ta: {", "1}\n", "\ndata: 2\r\n\r\ndata:3\r", "\n\r", "data: 4\r\r"),
    ).toEqual(["{1}", "2", "3", "4"]);
  });

  it("are told of their data alone", () => {
    expect(parse(": hello\n\nid: 7\ndatabase: x\n\ndata: a\ndata: b\nretry: 1\n\ndata: cut")).toEqual([
      "a\nb",
    ]);
  });
});

describe("a client of a server that asks for a token", () => {
  const locks = () => connections.filter((each) => each.state === "locked");
  const lock = (why: string, checking = false) => ({ state: "locked", why, checking });
  const keyring = new Keyring();
  const signIn = (token: string) => {
    keyring.token = token;
    client.retry();
  };

  beforeEach(() => {
    server.tokens = new Set(["good", "ünd wëiter"]);
    keyring.forget();
  });

  it("finds out, and goes on with one", async () => {
    follow({}, { credentials: keyring });
    await became("locked");
    expect(locks()).toEqual([lock("needed")]);
    signIn("good");
    const peer = await server.accept();
    peer.say(HELLO, snapshot(1, node("a")));
    await became("live");
    expect(states()).toEqual(["connecting", "locked", "locked", "catching-up", "live"]);
    expect(locks().at(-1)).toEqual(lock("needed", true));
    expect(peer.socket.protocol).toBe("astrolabe.v1");
  });

  it("shows any text", async () => {
    keyring.token = "ünd wëiter";
    follow({}, { credentials: keyring });
    (await server.accept()).say(HELLO, snapshot(1));
    await became("live");
    expect(locks()).toEqual([]);
  });

  it("forgets one that is refused, and does not insist", async () => {
    follow({}, { credentials: keyring });
    await became("locked");
    signIn("wrong");
    await vi.waitFor(() => expect(locks().at(-1)).toEqual(lock("refused")));
    expect(keyring.token).toBeNull();
    const said = connections.length;
    client.retry();
    expect(connections).toHaveLength(said);
  });

  it("takes no open socket for a welcome: a token refused on it has never been good", async () => {
    server.tokens = new Set(["wrong"]); // the handshake succeeds, so that the page can read the refusal
    follow({}, { credentials: keyring });
    await became("locked");
    signIn("wrong");
    const peer = await server.accept();
    peer.say({ type: "error", code: "unauthorised", message: "the token is not known" });
    peer.socket.close(4501);
    await vi.waitFor(() => expect(locks().at(-1)).toEqual(lock("refused")));
    expect(keyring.token).toBeNull();
  });

  it("says that a token which has been good is withdrawn, and resumes with another", async () => {
    keyring.token = "good";
    follow({}, { credentials: keyring });
    const peer = await server.accept();
    peer.say(HELLO, snapshot(1, node("a")));
    await became("live");
    peer.say({ type: "error", code: "unauthorised", message: "the token is no longer known" });
    peer.socket.close(4501);
    await became("locked");
    expect(locks()).toEqual([lock("withdrawn")]);
    expect(client.graph.nodes.size).toBe(1);
    server.tokens = new Set(["better"]);
    signIn("better");
    const again = await server.accept();
    expect(await again.hear()).toMatchObject({ since: { epoch: "e", seq: 1 } });
  });

  it("comes back when a proxy adds the token, which may have another by now", async () => {
    server.tokens = null; // the page has none; the proxy would add one
    follow({}, { forwarded: true });
    const peer = await server.accept();
    peer.say(HELLO, snapshot(1, node("a")));
    await became("live");
    peer.say({ type: "error", code: "unauthorised", message: "the token is not known any more" });
    peer.socket.close(4501);
    const again = await server.accept();
    expect(await again.hear()).toMatchObject({ since: { epoch: "e", seq: 1 } });
    expect(reasons()).toEqual(["the token is not known any more"]);
    expect(locks()).toEqual([]);
  });

  it("takes a stored token that is refused for one that was withdrawn", async () => {
    keyring.token = "old";
    follow({}, { credentials: keyring });
    await became("locked");
    expect(locks()).toEqual([lock("withdrawn")]);
  });

  it("says why the server cannot tell whose token it is", async () => {
    server.tokens = new Set(["slow"]);
    follow({}, { credentials: keyring });
    await became("locked");
    signIn("slow");
    const peer = await server.accept();
    const message = "the API server does not say whose token this is";
    peer.say({ type: "error", code: "identity-unknown", message });
    peer.socket.close(4429);
    await vi.waitFor(() => expect(locks().at(-1)).toEqual({ ...lock("unreachable"), reason: message }));
  });

  it("stays locked while the server cannot be reached", async () => {
    follow({}, { credentials: keyring });
    await became("locked");
    await server.stop();
    signIn("good");
    await vi.waitFor(() => expect(locks().at(-1)).toEqual(lock("unreachable")));
  });
});

describe("what a browser shows", () => {
  it("is a header, and a second protocol, which holds base64url without padding", () => {
    expect(bearerHeaders("a?b>")).toEqual({ Authorization: "Bearer a?b>" });
    expect(subprotocols("astrolabe.v1", "a?b>")).toEqual([
      "astrolabe.v1",
      "base64url.bearer.authorization.k8s.io.YT9iPg",
    ]);
    expect(subprotocols("p", "~~~???")[1]).toBe("base64url.bearer.authorization.k8s.io.fn5-Pz8_");
  });

  it("is nothing without a token", () => {
    expect(bearerHeaders(null)).toEqual({});
    expect(subprotocols("astrolabe.v1", null)).toEqual(["astrolabe.v1"]);
  });
});

describe("backoff", () => {
  it("doubles its bound with each failure up to 30 s, and forgets them after a healthy connection", () => {
    const backoff = new Backoff(() => 1);
    expect([0, 0, 0].map((healthy) => backoff.delay(healthy))).toEqual([100, 200, 400]);
    for (let failures = 0; failures < 100; failures += 1) backoff.delay(9_999);
    expect(backoff.delay(0)).toBe(30_000);
    expect(backoff.delay(10_000)).toBe(100);
  });

  it("waits for anything between nothing and its bound", () => {
    expect(new Backoff(() => 0).delay(0)).toBe(0);
    expect(new Backoff(() => 0.5).delay(0)).toBe(50);
  });
});
