import { describe, expect, it } from "vitest";
import { kubectl } from "../../src/cluster/names";
import type { Picture } from "../../src/layout/picture";
import { iconOf, lightOf } from "../../src/state/favicon";
import { markOld } from "../../src/state/old-wings";
import { trustOf } from "../../src/state/trust";
import { node } from "./build";

const LIVE = trustOf({ state: "live" }, { type: "state", state: "live" });
const GONE = trustOf({ state: "disconnected", since: 1, retry: 2, reason: "" }, null);
const SYNCING = trustOf({ state: "live" }, { type: "state", state: "syncing" });

describe("the icon of the tab", () => {
  it.each([
    [LIVE, true, 0, "well"],
    [LIVE, false, 3, "broken"],
    [LIVE, false, 0, "unsure"],
    [SYNCING, false, 2, "broken"],
    [GONE, false, 3, "old"],
  ] as const)("says what is known: %#", (trust, clear, problems, light) => {
    expect(lightOf(trust, clear, problems)).toBe(light);
  });

  it("is another one for each state", () => {
    const icons = (["well", "broken", "unsure", "old"] as const).map(iconOf);
    expect(new Set(icons).size).toBe(4);
    for (const icon of icons) expect(icon).toMatch(/^data:image\/svg\+xml,%3Csvg/);
  });
});

describe("a command", () => {
  const pod = node("Pod/shop/web-1", { apiVersion: "v1" });
  it.each([
    ["", "kubectl describe pod/web-1 -n shop"],
    ["kind-prod", "kubectl --context kind-prod describe pod/web-1 -n shop"],
    [
      "arn:aws:eks:eu-1:12:cluster/a",
      "kubectl --context arn:aws:eks:eu-1:12:cluster/a describe pod/web-1 -n shop",
    ],
    ["it's; rm -rf ~", "kubectl --context 'it'\\''s; rm -rf ~' describe pod/web-1 -n shop"],
  ])("names the context %j as one word", (context, command) => {
    expect(kubectl(pod, context)).toBe(command);
  });
});

it("the frame of a cluster that is stale says so, and since when", () => {
  const frame = (id: string, form: "wing" | "hall") => ({
    ...{ id, form, title: "prod", note: "", x: 0, y: 0, width: 1, height: 1 },
    counts: { Error: 0, Unknown: 0, Pending: 0, Ready: 1 },
  });
  const frames = [frame("eu@*", "wing"), frame("us@*", "wing"), frame("eu@shop/*", "hall")];
  const picture: Picture = { frames, cards: [], lines: [] };
  const clusters = [
    { name: "eu", state: "stale", since: "2026-01-01T00:00:00Z" },
    { name: "us", state: "live" },
  ];
  const marked = markOld(picture, clusters, (time) => new Date(time).toISOString().slice(11, 16));
  expect(marked.frames.map(({ title, old }) => [title, old])).toEqual([
    ["prod: stale since 00:00", true],
    ["prod", undefined],
    ["prod", undefined],
  ]);
  expect(markOld(picture, clusters.slice(1), String)).toBe(picture);
});
