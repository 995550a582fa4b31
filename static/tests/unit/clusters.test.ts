import type { ClusterState, ServerState } from "@astrolabe/stream";
import { describe, expect, it } from "vitest";
import { EVERYTHING } from "../../src/cluster/filter";
import { clusterIn, nameOf, withoutCluster } from "../../src/cluster/names";
import { Plan } from "../../src/layout/plan";
import { drawMap } from "../../src/scene/map";
import { subjectOf } from "../../src/state/focus";
import { resolve } from "../../src/state/selection";
import { isOld, stateOf, titleOf, trustOf, verdictOf } from "../../src/state/trust";
import { filterOf, readView, scopeOf, writeView } from "../../src/state/url";
import { build, node } from "./build";

const SINCE = "2026-11-30T14:02:00Z";

/** The same Deployment in two clusters, as of a clone, and a Namespace of the first. */
const clones = () =>
  build([
    ...["prod-eu", "prod-us"].map((cluster) =>
      node("Deployment/shop/cart", { uid: `${cluster}/1`, cluster, release: "cart" }),
    ),
    node("Namespace//shop", { uid: "prod-eu/2", cluster: "prod-eu" }),
  ]);

const OPTIONS = { filter: EVERYTHING, open: new Set<string>(), hidden: new Set<string>() };

describe("names of two clusters", () => {
  it("are told apart", () => {
    const { graph, index } = clones();
    expect(index.find("prod-us@Deployment/shop/cart")).toBe("prod-us/1");
    expect(index.find("prod-eu@Deployment/shop/cart")).toBe("prod-eu/1");
    expect(index.find("Deployment/shop/cart")).toBeUndefined();
    expect(subjectOf(graph, index, "impact:prod-us@Deployment/shop/cart")).toEqual({
      about: "impact",
      uids: ["prod-us/1"],
    });
    expect([...index.groups.keys()].sort()).toEqual([
      "prod-eu@shop/",
      "prod-eu@shop/cart",
      "prod-us@shop/cart",
    ]);
  });

  it("begin with the cluster, and only where there is one", () => {
    const role = { kind: "ClusterRole", name: "system:admin@example.com" };
    expect(nameOf(role)).toBe("ClusterRole//system:admin@example.com");
    expect(clusterIn(nameOf(role))).toBe("");
    expect(withoutCluster(nameOf({ ...role, cluster: "eu.prod-1" }))).toBe(nameOf(role));
    expect(clusterIn(nameOf({ ...role, cluster: "eu.prod-1" }))).toBe("eu.prod-1");
  });

  it.each([
    ["prod-us@shop/cart", "cart", ["prod-us/1"]],
    ["prod-eu@shop/*", "shop", ["prod-eu/1", "prod-eu/2"]],
    ["prod-us@*", "prod-us", ["prod-us/1"]],
  ])("%s selects what is in that cluster", (text, title, members) => {
    const { graph, index } = clones();
    const selection = resolve(graph, index, drawMap(graph, OPTIONS), text);
    expect(selection).toMatchObject({ form: "several", about: { title } });
    expect(selection.form === "several" && [...selection.about.members].sort()).toEqual(members);
  });

  it("of a cluster that is gone select nothing", () => {
    const { graph, index } = clones();
    expect(resolve(graph, index, drawMap(graph, OPTIONS), "gone@*").form).toBe("gone");
  });
});

describe("the map of two clusters", () => {
  const view = { width: 3, height: 2 };

  it("has a frame around the halls of each", () => {
    const picture = new Plan().draw(drawMap(clones().graph, OPTIONS), new Map(), view);
    const frames = new Map(picture.frames.map((frame) => [frame.id, frame]));
    expect([...frames.keys()]).toEqual(["prod-eu@*", "prod-us@*", "prod-eu@shop/*", "prod-us@shop/*"]);
    expect(frames.get("prod-eu@*")).toMatchObject({ form: "wing", title: "prod-eu", note: "2 resources" });
    for (const cluster of ["prod-eu", "prod-us"]) {
      const wing = frames.get(`${cluster}@*`);
      const hall = frames.get(`${cluster}@shop/*`);
      if (wing === undefined || hall === undefined) throw new Error("a frame is missing");
      expect(hall.x).toBeGreaterThan(wing.x);
      expect(hall.y).toBeGreaterThan(wing.y);
      expect(hall.x + hall.width).toBeLessThan(wing.x + wing.width);
      expect(hall.y + hall.height).toBeLessThan(wing.y + wing.height);
    }
  });

  it("keeps each where it is when another comes", () => {
    const plan = new Plan();
    const before = plan.draw(drawMap(clones().graph, OPTIONS), new Map(), view);
    const more = build([
      ...clones().graph.nodes.values(),
      node("Deployment/shop/cart", { uid: "dev/1", cluster: "dev", release: "cart" }),
    ]);
    const after = plan.draw(drawMap(more.graph, OPTIONS), new Map(), view);
    for (const { id, x, y } of before.frames) {
      expect(after.frames.find((frame) => frame.id === id)).toMatchObject({ x, y });
    }
    expect(after.frames.some(({ id }) => id === "dev@*")).toBe(true);
  });

  it("has no such frame for a server of one", () => {
    const { graph } = build([node("Deployment/shop/cart")]);
    const { frames } = new Plan().draw(drawMap(graph, OPTIONS), new Map(), view);
    expect(frames.map(({ id }) => id)).toEqual(["shop/*"]);
  });
});

describe("the cluster in an address", () => {
  it("is part of every question", () => {
    const view = readView("?cluster=prod-eu&namespace=shop&only.kind=Pod");
    expect(scopeOf(view)).toEqual({ kind: ["Pod"], cluster: ["prod-eu"] });
    expect(filterOf(view)).toEqual({ kind: ["Pod"], cluster: ["prod-eu"], namespace: ["shop"] });
    expect(writeView(view)).toBe("?only.kind=Pod&cluster=prod-eu&namespace=shop");
    expect(writeView(readView("?select=prod-eu@Pod/shop/web"))).toBe("?select=prod-eu@Pod/shop/web");
  });
});

describe("the state of several clusters", () => {
  const cluster = (name: string, state: string, why = ""): ClusterState => ({
    name,
    state,
    since: SINCE,
    why,
  });
  const said = (...clusters: ClusterState[]): ServerState => ({
    ...{ type: "state", state: clusters.find(({ state }) => state !== "live")?.state ?? "live" },
    ...{ since: SINCE, why: "", cluster: { name: "" }, clusters },
  });
  const trust = (state: ServerState, chosen = "") => trustOf({ state: "live" }, stateOf(state, chosen));
  const LOST = said(cluster("prod-eu", "stale", "cut"), cluster("prod-us", "live"), cluster("dev", "live"));

  it("names those that are not live, and is not old as a whole", () => {
    expect(trust(LOST)).toMatchObject({ level: "stale", clusters: [{ name: "prod-eu" }], others: 2 });
    expect(isOld(trust(LOST))).toBe(false);
    expect(verdictOf(trust(LOST), readView(""), String)).toEqual({
      clear: false,
      text: "No problems are known. Not all is known of prod-eu.",
    });
    const name = stateOf(LOST, "").cluster ?? null;
    expect(titleOf(trust(LOST), false, 3, name)).toBe("(3) ⚠ prod-eu stale · 3 clusters · Astrolabe");
  });

  it("is old when all of them are", () => {
    expect(isOld(trust(said(cluster("prod-eu", "stale"), cluster("prod-us", "stale"))))).toBe(true);
  });

  it("is that of the one that is shown", () => {
    expect(trust(LOST, "prod-us")).toMatchObject({ level: "live", clusters: [] });
    expect(trust(LOST, "prod-eu")).toMatchObject({ level: "stale", why: "cut", clusters: [] });
    expect(isOld(trust(LOST, "prod-eu"))).toBe(true);
    expect(stateOf(LOST, "prod-us").cluster).toEqual({ name: "prod-us", server: "" });
  });

  it("is as it was for a server of one", () => {
    const one: ServerState = { type: "state", state: "stale", cluster: { name: "prod" } };
    expect(stateOf(one, "")).toBe(one);
    expect(isOld(trust(one))).toBe(true);
  });
});
