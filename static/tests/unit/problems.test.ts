import type { Node, Status } from "@astrolabe/stream";
import { describe, expect, it } from "vitest";
import { causesOf, chainOf, dependentsOf } from "../../src/cluster/causes";
import { findProblems } from "../../src/cluster/problems";
import { build, node, shop } from "./build";

const ERRORS: ReadonlySet<Status> = new Set(["Error"]);
const uids = (nodes: Iterable<Node>) => [...nodes].map((each) => each.uid);

describe("causes", () => {
  it("are the worst of what it needs", () => {
    const { graph } = build(
      [
        node("Service/s/a", { status: "Error" }),
        node("Pod/s/bad", { status: "Error" }),
        node("Pod/s/slow", { status: "Pending" }),
        node("Pod/s/well"),
      ],
      ["bad", "slow", "well"].map((name) => `selects: Service/s/a -> Pod/s/${name}`),
    );
    expect(uids(causesOf(graph, graph.nodes.get("Service/s/a") as Node))).toEqual(["Pod/s/bad"]);
    expect(causesOf(graph, graph.nodes.get("Pod/s/well") as Node)).toEqual([]);
  });

  it("end where a reference leads nowhere, whatever else is broken", () => {
    const lost = [{ type: "routes-to", kind: "Service", name: "x" }];
    const { graph } = build(
      [node("Ingress/s/a", { status: "Error", unresolved: lost }), node("Service/s/a", { status: "Error" })],
      ["routes-to: Ingress/s/a -> Service/s/a"],
    );
    expect(causesOf(graph, graph.nodes.get("Ingress/s/a") as Node)).toEqual([]);
  });

  it("go on to the Pods that lack what the template of their workload lacks", () => {
    const lost = {
      unresolved: [{ type: "uses-secret", kind: "Secret", namespace: "s", name: "keys", field: "spec" }],
    };
    const waiting = { status: "Error", reason: "CreateContainerConfigError", ...lost } as const;
    const nodes = [
      node("Deployment/s/a", { status: "Error", reason: "CreateContainerConfigError", ...lost }),
      node("ReplicaSet/s/a-1", { status: "Error", reason: "CreateContainerConfigError" }),
    ];
    const owns = "owns: Deployment/s/a -> ReplicaSet/s/a-1";
    const { graph } = build(
      [...nodes, node("Pod/s/a-1-x", waiting)],
      [owns, "owns: ReplicaSet/s/a-1 -> Pod/s/a-1-x"],
    );
    expect(uids(causesOf(graph, graph.nodes.get("Deployment/s/a") as Node))).toEqual(["ReplicaSet/s/a-1"]);
    expect(findProblems(graph, ERRORS).map((problem) => problem.roots)).toEqual([["Pod/s/a-1-x"]]);
    // Its Pods cannot be created: one problem, too.
    const { graph: empty } = build(nodes, [owns]);
    expect(findProblems(empty, ERRORS).map((problem) => problem.roots)).toEqual([["ReplicaSet/s/a-1"]]);
    // Nothing that it owns is broken.
    const { graph: alone } = build(nodes.slice(0, 1));
    expect(findProblems(alone, ERRORS).map((problem) => problem.roots)).toEqual([["Deployment/s/a"]]);
  });

  it("are not what only passes on, when something else says more", () => {
    const { graph } = build(
      [
        node("Service/s/a", { status: "Error" }),
        node("EndpointSlice/s/a", { status: "Pending", reason: "NoEndpoints" }),
        node("Pod/s/a", { status: "Pending" }),
      ],
      ["endpoints: Service/s/a -> EndpointSlice/s/a", "selects: Service/s/a -> Pod/s/a"],
    );
    expect(uids(causesOf(graph, graph.nodes.get("Service/s/a") as Node))).toEqual(["Pod/s/a"]);
  });

  it("make a chain down to the roots", () => {
    const { graph } = shop();
    expect([...chainOf(graph, ["Ingress/shop/cart"])].sort()).toEqual([
      "EndpointSlice/shop/cart-x",
      "Ingress/shop/cart",
      "Pod/shop/cart-7-a",
      "Pod/shop/cart-7-b",
      "Pod/shop/cart-7-c",
      "Service/shop/cart",
    ]);
  });

  it("are felt by all that needs them, directly or not", () => {
    const { graph } = shop();
    expect([...dependentsOf(graph, ["Pod/shop/cart-7-a"])].sort()).toEqual([
      "Deployment/shop/cart",
      "EndpointSlice/shop/cart-x",
      "Ingress/shop/cart",
      "ReplicaSet/shop/cart-7",
      "Service/shop/cart",
    ]);
    expect(dependentsOf(graph, ["Node//node-1"]).has("Pod/shop/blog-1")).toBe(true);
  });
});

describe("problems", () => {
  it("gather all symptoms of one cause", () => {
    const { graph } = shop();
    expect(findProblems(graph, ERRORS)).toEqual([
      {
        id: "shop/cart|Pod|Deployment/cart|CreateContainerConfigError",
        status: "Error",
        kind: "Pod",
        title: "cart",
        group: "shop/cart",
        namespace: "shop",
        release: "cart",
        reason: "CreateContainerConfigError",
        since: "2026-01-01T00:00:00Z",
        roots: ["Pod/shop/cart-7-a", "Pod/shop/cart-7-b", "Pod/shop/cart-7-c"],
        affected: [
          "Ingress/shop/cart",
          "Service/shop/cart",
          "EndpointSlice/shop/cart-x",
          "Deployment/shop/cart",
          "ReplicaSet/shop/cart-7",
        ],
      },
    ]);
  });

  it("come in the order of their impact: first what users feel, then what is felt by more", () => {
    const broken = { status: "Error", reason: "Broken" } as const;
    const { graph } = build(
      [
        node("Pod/s/alone", broken),
        node("Deployment/s/two", broken),
        node("Pod/s/two-1", broken),
        node("Ingress/s/three", broken),
        node("Pod/s/three", broken),
      ],
      ["owns: Deployment/s/two -> Pod/s/two-1", "routes-to: Ingress/s/three -> Pod/s/three"],
    );
    expect(findProblems(graph, ERRORS).map((problem) => problem.title)).toEqual(["three", "two", "alone"]);
  });

  it("of two of the same impact begin with the newer", () => {
    const broken = (since: string) => ({ status: "Error", reason: "Broken", since }) as const;
    const { graph } = build([
      node("Pod/s/old", broken("2026-01-01T00:00:00Z")),
      node("Pod/s/new", broken("2026-02-01T00:00:00Z")),
    ]);
    expect(findProblems(graph, ERRORS).map((problem) => problem.title)).toEqual(["new", "old"]);
  });

  it("say how what is merely on its way breaks others", () => {
    const { graph } = build(
      [
        node("Service/s/a", { status: "Error", reason: "NoReadyEndpoints" }),
        node("Pod/s/a", { status: "Pending", reason: "Running", message: "Pod is not ready" }),
      ],
      ["selects: Service/s/a -> Pod/s/a"],
    );
    expect(findProblems(graph, ERRORS)).toMatchObject([{ status: "Error", reason: "Pod is not ready" }]);
  });

  it("are found in a circle of causes, too", () => {
    const broken = { status: "Error", reason: "Broken" } as const;
    const { graph } = build(
      [node("PersistentVolume//a", broken), node("PersistentVolumeClaim/s/a", broken)],
      [
        "binds: PersistentVolume//a -> PersistentVolumeClaim/s/a",
        "binds: PersistentVolumeClaim/s/a -> PersistentVolume//a",
      ],
    );
    const found = findProblems(graph, ERRORS);
    expect(found.length).toBeGreaterThan(0);
    const told = found.flatMap((problem) => [...problem.roots, ...problem.affected]);
    expect(new Set(told)).toEqual(new Set(["PersistentVolume//a", "PersistentVolumeClaim/s/a"]));
  });

  it("are none where all is well, and none of statuses that are not asked for", () => {
    const { graph } = build([node("Pod/s/a"), node("Pod/s/b", { status: "Pending" })]);
    expect(findProblems(graph, ERRORS)).toEqual([]);
    expect(findProblems(graph, new Set<Status>(["Pending"]))).toHaveLength(1);
  });
});
