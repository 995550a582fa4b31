import type { ConnectionState, ServerState } from "@astrolabe/stream";
import { describe, expect, it } from "vitest";
import { clock } from "../../src/cluster/time";
import { calledOf, isGrowing, isOld, titleOf, trustOf, verdictOf } from "../../src/state/trust";
import { readView } from "../../src/state/url";

const LIVE: ConnectionState = { state: "live" };
const CATCHING_UP: ConnectionState = { state: "catching-up" };
const LOST: ConnectionState = { state: "disconnected", since: 1_000, retry: 2_000, reason: "cut" };
const SINCE = Date.parse("2026-11-30T04:05:00Z");

const said = (state: string, more: Partial<ServerState> = {}): ServerState => ({
  ...{ type: "state", state, since: "2026-11-30T04:05:00Z", why: "", ...more },
});

const CASES: readonly [string, ConnectionState, ServerState | null, string][] = [
  ["all is there and kept up to date", LIVE, said("live"), "live"],
  ["the page has not all", CATCHING_UP, said("live"), "receiving"],
  ["the server has not all", LIVE, said("syncing"), "syncing"],
  ["neither has all", CATCHING_UP, said("syncing"), "syncing"],
  ["a kind cannot be read", LIVE, said("partial"), "partial"],
  ["the server has no news", LIVE, said("stale"), "stale"],
  ["the server has no news, and the page not all", CATCHING_UP, said("stale"), "stale"],
  ["an older server says nothing", LIVE, null, "unknown"],
  ["a later server says what is not known here", LIVE, said("frozen"), "unknown"],
  ["there is no connection", LOST, null, "disconnected"],
  ["there is no connection yet", { state: "connecting" }, null, "receiving"],
  ["the server refuses the page", { state: "refused", reason: "no", error: "" }, null, "refused"],
];

describe("trust", () => {
  it.each(CASES)("%s", (_, connection, state, level) => {
    expect(trustOf(connection, state).level).toBe(level);
  });

  it("is old since it was lost, or since the server says", () => {
    expect(trustOf(LOST, null)).toMatchObject({ since: 1_000, why: "cut" });
    expect(trustOf(LIVE, said("stale", { why: "no leader" }))).toMatchObject({
      since: SINCE,
      why: "no leader",
    });
    expect(trustOf(LIVE, said("stale", { since: "of old" })).since).toBeNull();
    expect(trustOf(LIVE, said("frozen", { why: "winter" })).why).toBe("frozen: winter");
  });

  it("tells what is old from what is growing", () => {
    const levels = (is: typeof isOld) =>
      CASES.filter((each) => is(trustOf(each[1], each[2]))).map((each) => each[3]);
    expect([...new Set(levels(isOld))]).toEqual(["stale", "disconnected", "refused"]);
    expect([...new Set(levels(isGrowing))]).toEqual(["receiving", "syncing"]);
  });
});

describe("nothing is broken", () => {
  const verdict = (connection: ConnectionState, state: ServerState | null, search = "") =>
    verdictOf(trustOf(connection, state), readView(search), () => "12:00");

  it.each(CASES)("is said only when all is known: %s", (_, connection, state, level) => {
    const { clear, text } = verdict(connection, state);
    expect(clear).toBe(level === "live");
    expect(text === "Nothing is broken.").toBe(level === "live");
  });

  it.each([
    ["?only.namespace=shop", "No problems in the resources that this page asks for."],
    ["?status=Pending", "No known resource has the status Pending."],
    ["?status=Ready", "Nothing is broken."],
    ["?namespace=shop", "Nothing is broken."],
  ])("is said of no part of it: %s", (search, text) => {
    expect(verdict(LIVE, said("live"), search).text).toBe(text);
  });

  const coverage = { hidden: ["Node"], limited: ["Pod"], namespaces: ["shop"] };

  it.each([
    [LIVE, "live", "Nothing is broken in what you may see."],
    [LIVE, "syncing", "No problems found so far in what you may see."],
    [LIVE, "partial", "No problems in the resources that are visible."],
    [LIVE, "stale", "Nothing was broken at 12:00 in what you may see. The current state is unknown."],
  ])("is never said of what one may not see", (connection, state, text) => {
    expect(verdict(connection, said(state, { coverage }))).toEqual({ clear: false, text });
  });

  it("is not said of it while there is no connection, either", () => {
    const trust = trustOf(LOST, null, coverage);
    expect(verdictOf(trust, readView(""), () => "12:00").text).toBe(
      "Nothing was broken at 12:00 in what you may see. The current state is unknown.",
    );
  });

  it("is said of the time when it was known", () => {
    expect(verdict(LIVE, said("stale")).text).toBe(
      "Nothing was broken at 12:00. The current state is unknown.",
    );
  });
});

describe("the title of the tab", () => {
  const title = (connection: ConnectionState, state: ServerState | null, problems: number, clear = false) =>
    titleOf(trustOf(connection, state), clear, problems, { name: "prod" });

  it("begins with what matters most", () => {
    expect(title(LIVE, said("live"), 0, true)).toBe("✓ prod · Astrolabe");
    expect(title(LIVE, said("live"), 3)).toBe("(3) prod · Astrolabe");
    expect(title(LIVE, null, 0)).toBe("prod · Astrolabe");
    const progress = { kinds: 12, of: 38, objects: 1335 };
    expect(title(LIVE, said("syncing", { progress }), 3)).toBe("… Syncing 12/38 · prod · Astrolabe");
    expect(title(LIVE, said("partial"), 3)).toBe("(3) Partial · prod · Astrolabe");
    expect(title(LIVE, said("stale"), 3)).toBe("⚠ Stale · prod · Astrolabe");
    expect(title(LOST, null, 0)).toBe("⚠ Not connected · prod · Astrolabe");
    expect(title(CATCHING_UP, said("live"), 0)).toBe("… prod · Astrolabe");
  });

  it("names the cluster as well as it can", () => {
    expect(calledOf({ name: "prod", context: "kind-prod" })).toBe("prod");
    expect(calledOf({ name: "", context: "kind-prod", server: "https://10.0.0.1" })).toBe("kind-prod");
    expect(calledOf({ server: "https://10.0.0.1:443" })).toBe("10.0.0.1:443");
    expect(titleOf(trustOf(LIVE, null), false, 0, null)).toBe("Astrolabe");
  });
});

describe("a clock", () => {
  it("tells the day when it is another one", () => {
    const then = new Date(2026, 10, 30, 14, 3, 10).getTime();
    expect(clock(then, then + 1_000)).toBe("14:03:10");
    expect(clock(then, then + 86_400_000)).toBe("30 Nov 2026 14:03:10");
  });
});
