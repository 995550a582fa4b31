import { Graph, type Node, type Status } from "@astrolabe/stream";
import { describe, expect, it } from "vitest";
import { countValues, EVERYTHING, matches, toggle } from "../../src/cluster/filter";
import { Index } from "../../src/cluster/index";
import { kubectl } from "../../src/cluster/names";
import { ago, lasting } from "../../src/cluster/time";
import { node, shop } from "./build";

describe("the index", () => {
  it("counts, groups and finds by name", () => {
    const { index } = shop();
    expect(index.counts).toEqual({ Error: 8, Unknown: 0, Pending: 0, Ready: 6 });
    expect([...index.groups.keys()].sort()).toEqual(["/", "shop/", "shop/blog", "shop/cart"]);
    expect(index.groups.get("shop/blog")?.uids).toEqual(new Set(["Deployment/shop/blog", "Pod/shop/blog-1"]));
    expect(index.find("Node//node-1")).toBe("Node//node-1");
  });

  it("is after any changes what it would be if it were made anew", () => {
    const graph = new Graph();
    const index = new Index();
    const statuses: Status[] = ["Error", "Pending", "Ready", "Unknown"];
    let seed = 11;
    const random = (most: number) => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed % most;
    };
    const some = (): Node => {
      const name = `Pod/ns-${random(3)}/p-${random(9)}`;
      // The uid of a name changes now and then, as that of a pod that is made again.
      return {
        ...node(name, { status: statuses[random(4)] ?? "Ready", release: `r-${random(3)}` }),
        uid: `${name}-${random(2)}`,
      };
    };
    index.apply(
      graph.apply({ type: "snapshot", epoch: "e", seq: 0, part: 1, last: true, nodes: [], edges: [] }),
    );
    for (let seq = 1; seq <= 300; seq += 1) {
      const set = Array.from({ length: random(4) }, some);
      const remove = [...graph.nodes.keys()].filter(() => random(6) === 0);
      index.apply(
        graph.apply({
          ...{ type: "delta", epoch: "e", from: seq - 1, seq },
          ...{ nodes: { set, remove }, edges: { set: [], remove: [] } },
        }),
      );
      const anew = new Index();
      anew.apply([...graph.nodes.values()].map((each) => ({ sign: "+", node: each })));
      expect(index.counts).toEqual(anew.counts);
      expect(new Map([...index.groups].sort())).toEqual(new Map([...anew.groups].sort()));
    }
  });

  it("finds the new one of a name when the old one goes after it came", () => {
    const index = new Index();
    const old = node("Pod/s/web", { uid: "1" } as Partial<Node>);
    const young = { ...old, uid: "2" };
    index.apply([
      { sign: "+", node: old },
      { sign: "+", node: young },
      { sign: "-", node: old, before: old },
    ]);
    expect(index.find("Pod/s/web")).toBe("2");
  });
});

describe("a filter", () => {
  const pod = node("Pod/shop/web", { release: "cart", status: "Error" });

  it("takes any value of a field, and wants all fields", () => {
    expect(matches(EVERYTHING, pod)).toBe(true);
    expect(matches({ ...EVERYTHING, kinds: new Set(["Pod", "Job"]) }, pod)).toBe(true);
    const statuses: ReadonlySet<Status> = new Set(["Ready"]);
    expect(matches({ ...EVERYTHING, kinds: new Set(["Pod"]), statuses }, pod)).toBe(false);
  });

  it("has a Namespace in itself", () => {
    const filter = { ...EVERYTHING, namespaces: new Set(["shop"]) };
    expect(matches(filter, node("Namespace//shop"))).toBe(true);
    expect(matches(filter, node("Namespace//other"))).toBe(false);
  });

  it("tells how many there would be of each value", () => {
    const filter = { ...EVERYTHING, releases: new Set(["cart"]), kinds: new Set(["Node"]) };
    const counts = countValues(shop().graph, filter, "kinds");
    expect(counts.get("Pod")).toEqual({ nodes: 3, errors: 3 });
    expect(counts.get("Node")).toBeUndefined();
  });

  it("is changed by a value that comes or goes", () => {
    expect([...toggle(new Set(["a"]), "b")]).toEqual(["a", "b"]);
    expect([...toggle(new Set(["a", "b"]), "a")]).toEqual(["b"]);
  });
});

describe("words", () => {
  it("for commands name the group of a kind", () => {
    expect(kubectl(node("Deployment/shop/web", { apiVersion: "apps/v1" }))).toBe(
      "kubectl describe deployment.apps/web -n shop",
    );
    expect(kubectl(node("Node//node-1", { apiVersion: "v1" }))).toBe("kubectl describe node/node-1");
  });

  it("for times", () => {
    const now = 1_000_000_000;
    const told = [0, 5, 59, 60, 3_600, 90_000].map((seconds) => ago(now - seconds * 1000, now));
    expect(told).toEqual(["just now", "5 s ago", "59 s ago", "1 m ago", "1 h ago", "1 d ago"]);
    expect(ago(now + 5_000, now)).toBe("just now");
    expect(lasting(now - 65_000, now)).toBe("1 m");
  });
});

it("a cluster hides what the server hides at first", () => {
  const { graph } = shop();
  expect(graph.hiddenAtFirst.size).toBe(0);
  graph.edgeTypes = ["owns", "runs-on"].map((type) => ({
    type,
    description: "",
    hidden: type === "runs-on",
  }));
  expect([...graph.hiddenAtFirst]).toEqual(["runs-on"]);
});
