import type { Problem } from "@astrolabe/stream";
import { describe, expect, it } from "vitest";
import { EVERYTHING, type Sieve } from "../../src/cluster/filter";
import { gather } from "../../src/groups/gather";
import { type Dimension, type Group, moodOf } from "../../src/groups/group";
import { extentOf, groupsShown, levelOf } from "../../src/groups/level";
import { within } from "../../src/groups/within";
import { drawMap } from "../../src/scene/map";
import { build, crowd, node, shop } from "./build";

const ZERO = "The selector app=web matches no pod; Deployment web is scaled to zero";

/** A cause that does not exist, in the release `cart`. */
const missing: Problem = {
  ...{ id: "1", status: "Error", reason: "NotFound", message: "" },
  cause: { kind: "Secret", group: "", namespace: "shop", name: "keys", missing: true },
  affected: { total: 3, kinds: {} },
  ...{ entries: [], releases: [{ namespace: "shop", name: "cart" }], namespaces: ["shop"], path: [] },
};

function groups(by: Dimension, sieve: Sieve = EVERYTHING, problems: readonly Problem[] = []) {
  const { graph, index } = shop();
  return gather(graph, index, sieve, by, problems);
}

const said = ({ title, counts, problems }: Group) => `${title}: ${counts.Error}/${counts.Ready} ${problems}`;

describe("groups", () => {
  it("by namespace, the worst first", () => {
    expect(groups("namespace", EVERYTHING, [missing]).groups.map(said)).toEqual(["shop: 8/5 1", ": 0/1 0"]);
  });

  it("by release, each with its problems and their reasons", () => {
    const all = groups("release", EVERYTHING, [missing, { ...missing, id: "2" }]);
    expect(all.groups.map(said)).toEqual(["cart: 8/1 2", "blog: 0/2 0", ": 0/1 0", ": 0/2 0"]);
    expect(all.groups[0]?.reasons).toEqual(["NotFound ×2"]);
    expect(all.groups.map((group) => group.within)).toEqual(["shop", "shop", "", "shop"]);
  });

  it.each([
    ["kind", ["Pod: 3/1 0", "Deployment: 1/1 0", "EndpointSlice: 1/0 0"]],
    ["node", ["node-1: 3/2 0", ": 5/4 0"]],
    ["owner", ["Deployment/cart: 5/1 0", ": 3/3 0", "Deployment/blog: 0/2 0"]],
    ["zone", [": 8/6 0"]],
  ] as const)("by %s", (by, expected) => {
    const found = groups(by).groups.map(said);
    expect(found).toEqual(expect.arrayContaining([...expected]));
  });

  it.each(["namespace", "release", "kind", "node", "zone", "owner"] as const)(
    "by %s are everything together, and so are those of a filter",
    (by) => {
      const { graph } = shop();
      expect(groups(by).nodes).toBe(graph.nodes.size);
      const errors = groups(by, { ...EVERYTHING, statuses: new Set(["Error"]) });
      expect(errors.counts).toEqual({ Error: 8, Unknown: 0, Pending: 0, Ready: 0 });
    },
  );

  it("that are meant to be empty are well", () => {
    const empty = { status: "Pending", reason: "NoMatchingPods", message: ZERO } as const;
    const { graph, index } = build([
      node("Service/shop/web", empty),
      node("Service/blog/web", { ...empty, message: "" }),
    ]);
    const found = gather(graph, index, EVERYTHING, "namespace", []);
    expect(found.groups.map((group) => [group.title, moodOf(group)])).toEqual([
      ["blog", "changing"],
      ["shop", "well"],
    ]);
    const scene = drawMap(graph, { filter: EVERYTHING, open: new Set(), hidden: new Set() });
    expect([...scene.cards.values()].map((card) => card.status)).toEqual(["Pending", "Ready"]);
  });
});

describe("the level of detail", () => {
  it("is single releases while there are few, then namespaces, then clusters", () => {
    expect(levelOf({ clusters: 1, namespaces: 9, releases: 40 })).toBeNull();
    expect(levelOf({ clusters: 1, namespaces: 9, releases: 41 })).toBe("namespace");
    expect(levelOf({ clusters: 1, namespaces: 1, releases: 41 })).toBe("release");
    expect(levelOf({ clusters: 3, namespaces: 60, releases: 61 })).toBe("namespace");
    expect(levelOf({ clusters: 3, namespaces: 61, releases: 61 })).toBe("cluster");
  });

  it("follows the filter", () => {
    const { graph, index } = crowd(100, 1);
    const extent = (sieve: Sieve) => extentOf(index, groupsShown(graph, sieve));
    expect(levelOf(extent(EVERYTHING))).toBe("namespace");
    const one = { ...EVERYTHING, namespaces: new Set(["ns-1"]) };
    expect(extent(one)).toEqual({ clusters: 1, namespaces: 1, releases: 5 });
  });

  it("grows by a look into a group: that is the filter then", () => {
    const [cart] = groups("release").groups as [Group];
    expect(within(EVERYTHING, "release", cart)).toMatchObject({
      namespaces: new Set(["shop"]),
      releases: new Set(["cart"]),
    });
    const [, rest] = groups("namespace").groups as [Group, Group];
    expect(within(EVERYTHING, "namespace", rest, ["Node", "Secret"])?.kinds).toEqual(
      new Set(["Node", "Secret"]),
    );
    expect(groups("zone").groups.map((group) => within(EVERYTHING, "zone", group))).toEqual([null]);
    const [machine] = groups("node").groups.filter(({ title }) => title !== "") as [Group];
    expect(within({ ...EVERYTHING, q: "kind:pod" }, "node", machine)?.q).toBe("kind:pod node:node-1");
  });
});
