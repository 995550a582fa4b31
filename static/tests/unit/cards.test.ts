import { describe, expect, it } from "vitest";
import { type Deck, deal, namespaceCard, releaseCard } from "../../src/cluster/cards";
import { build, node, shop } from "./build";

const NOTHING = () => false;

/** `Pod cart ×3 Error` */
function lines(deck: Deck): string[] {
  return [...deck.cards.values()].map((card) =>
    `${card.kind} ${card.title} ×${card.members.length} ${card.status} ${card.reason}`.trim(),
  );
}

const cart = (open: string[] = []) => {
  const { graph } = shop();
  const nodes = [...graph.nodes.values()].filter((each) => each.release === "cart");
  return deal(graph, nodes, (id) => open.includes(id));
};

describe("cards", () => {
  it("stack pods of a workload, and fold what only passes on into its owner", () => {
    expect(lines(cart())).toEqual([
      "Ingress cart ×1 Error BackendUnavailable",
      "Service cart ×2 Error NoReadyEndpoints",
      "Deployment cart ×3 Error CreateContainerConfigError",
      "Pod cart ×3 Error CreateContainerConfigError",
    ]);
  });

  it("have ids of names, which outlive the uids", () => {
    expect([...cart().cards.keys()]).toEqual([
      "shop/cart|Ingress|cart",
      "shop/cart|Service|cart",
      "shop/cart|Deployment|cart",
      "shop/cart|Pod|Deployment/cart",
    ]);
  });

  it("show one of each when a stack is open", () => {
    const deck = cart(["shop/cart|Pod|Deployment/cart"]);
    expect(lines(deck).filter((line) => line.startsWith("Pod"))).toEqual([
      "Pod cart-7-a ×1 Error CreateContainerConfigError",
      "Pod cart-7-b ×1 Error CreateContainerConfigError",
      "Pod cart-7-c ×1 Error CreateContainerConfigError",
    ]);
  });

  it("unfold what is folded in when the owner's card is open", () => {
    expect(lines(cart(["shop/cart|Deployment|cart"]))).toContain(
      "ReplicaSet cart ×2 Error CreateContainerConfigError",
    );
  });

  it("speak of the worst of their members, and count those of their own kind", () => {
    const { graph } = build(
      [
        node("Job/shop/run"),
        node("Pod/shop/run-1"),
        node("Pod/shop/run-2", { status: "Error", reason: "OOMKilled" }),
        node("Pod/shop/run-3", { status: "Pending", reason: "Pending" }),
      ],
      [1, 2, 3].map((number) => `owns: Job/shop/run -> Pod/shop/run-${number}`),
    );
    const stack = deal(graph, graph.nodes.values(), NOTHING).cards.get("shop/|Pod|Job/run");
    expect(stack).toMatchObject({
      form: "stack",
      status: "Error",
      reason: "OOMKilled",
      counts: { Error: 1, Pending: 1, Ready: 1, Unknown: 0 },
      members: ["Pod/shop/run-2", "Pod/shop/run-3", "Pod/shop/run-1"],
    });
  });

  it("stack many of a kind that nothing owns", () => {
    const secrets = Array.from({ length: 7 }, (_, number) => node(`Secret/shop/s-${number}`));
    const { graph } = build(secrets);
    expect(lines(deal(graph, secrets, NOTHING))).toEqual(["Secret Secrets ×7 Ready"]);
    expect(deal(graph, secrets.slice(1), NOTHING).cards.size).toBe(6);
  });

  it("show a large open stack by status and reason", () => {
    const pods = Array.from({ length: 30 }, (_, number) =>
      node(
        `Pod/shop/web-${number}`,
        number < 3 ? { status: "Error", reason: "Evicted" } : { reason: "Running" },
      ),
    );
    const edges = pods.map((pod) => `owns: ReplicaSet/shop/web -> ${pod.uid}`);
    const { graph } = build([node("ReplicaSet/shop/web"), ...pods], edges);
    expect(lines(deal(graph, pods, () => true))).toEqual(["Pod web ×3 Error Evicted", "Pod web ×27 Ready"]);
  });

  it("belong to their own group only: an owner elsewhere makes no stack", () => {
    const { graph } = build(
      [node("Node//node-1"), node("Pod/kube-system/proxy")],
      ["owns: Node//node-1 -> Pod/kube-system/proxy"],
    );
    expect([...deal(graph, graph.nodes.values(), NOTHING).cards.keys()]).toEqual([
      "/|Node|node-1",
      "kube-system/|Pod|proxy",
    ]);
  });
});

describe("a card for all", () => {
  it("of a release tells the reason that is nearest to the cause", () => {
    const { graph } = shop();
    const nodes = [...graph.nodes.values()].filter((each) => each.release === "cart");
    const card = releaseCard(graph.kinds, "shop/cart", "cart", nodes);
    expect(card).toMatchObject({ title: "cart", status: "Error", reason: "CreateContainerConfigError" });
    expect(card.counts).toEqual({ Error: 8, Pending: 0, Unknown: 0, Ready: 1 });
  });

  it("of what is in no release is named by where that is", () => {
    const { graph } = shop();
    expect(releaseCard(graph.kinds, "shop/", "", [node("Secret/shop/a")]).title).toBe("others");
    expect(releaseCard(graph.kinds, "/", "", [node("Node//a")]).title).toBe("cluster-scoped");
    expect(namespaceCard(graph.kinds, "", [node("Node//a")]).title).toBe("cluster");
  });
});
