import type { Status } from "@astrolabe/stream";
import { describe, expect, it } from "vitest";
import { EVERYTHING, type Filter } from "../../src/cluster/filter";
import { drawFocus, storyOf } from "../../src/scene/focus";
import { drawMap, openAtFirst } from "../../src/scene/map";
import { isRoom, type Scene } from "../../src/scene/scene";
import type { Study } from "../../src/state/answers";
import { build, crowd, node, shop } from "./build";

const options = (more: { open?: string[]; hidden?: string[]; filter?: Filter } = {}) => ({
  filter: more.filter ?? EVERYTHING,
  open: new Set(more.open),
  hidden: new Set(more.hidden),
});

const outline = (scene: Scene) =>
  scene.halls.map((hall) => [
    hall.title,
    ...hall.groups.map((group) => (isRoom(group) ? `[${group.cards.length} cards]` : group.title)),
  ]);

const links = (scene: Scene) => [...scene.lines.values()].map((line) => `${line.from} → ${line.to}`);

/** What the server says. chain: names, from the symptom to the cause. */
const study = (more: {
  asked?: string[];
  chain?: string[];
  broken?: string[];
  dependents?: string[];
}): Study => ({
  asked: more.asked ?? [],
  chain: (more.chain ?? []).map((each) => {
    const [kind = "", namespace = "", name = ""] = each.replace("missing ", "").split("/");
    return { kind, group: "", namespace, name, ...(each.startsWith("missing ") ? {} : { uid: each }) };
  }),
  broken: more.broken ?? [],
  dependents: more.dependents ?? [],
  headline: null,
  forecast: null,
});

const lacking = {
  unresolved: [{ type: "uses-secret", kind: "Secret", namespace: "s", name: "k", field: "spec" }],
};

describe("the map", () => {
  it("has namespaces, and in them releases, by name; what is in none comes last", () => {
    const { graph } = shop();
    expect(outline(drawMap(graph, options()))).toEqual([
      ["shop", "blog", "cart", "others"],
      ["cluster", "cluster-scoped"],
    ]);
  });

  it("shows the cards of a release that is open", () => {
    const { graph } = shop();
    const scene = drawMap(graph, options({ open: ["shop/cart"] }));
    expect(outline(scene)[0]).toEqual(["shop", "blog", "[4 cards]", "others"]);
    expect(scene.cardOf.get("Pod/shop/cart-7-b")).toBe("shop/cart|Pod|Deployment/cart");
    expect(scene.cardOf.get("Pod/shop/blog-1")).toBe("shop/blog");
  });

  it("gathers edges between the same two cards, and tells which cross a border", () => {
    const { graph } = shop();
    const scene = drawMap(graph, options({ open: ["shop/cart"], hidden: ["runs-on"] }));
    expect(scene.lines.get("shop/cart|Service|cart → shop/cart|Pod|Deployment/cart")).toMatchObject({
      types: ["endpoints", "selects"],
      count: 6,
      cross: false,
    });
    expect(scene.lines.get("shop/cart|Pod|Deployment/cart → shop/")).toMatchObject({ count: 3, cross: true });
    expect(links(scene).filter((link) => link.endsWith("→ /"))).toEqual([]);
  });

  it("draws once what a template names and Pods of it use, and from the workload where there are none", () => {
    const used = (pods: string[], kinds?: string[]) => {
      const { graph } = build(
        [node("Deployment/s/a"), node("Secret/s/k"), ...pods.map((name) => node(`Pod/s/${name}`))],
        [
          "uses-secret: Deployment/s/a -> Secret/s/k",
          ...pods.flatMap((name) => [
            `owns: Deployment/s/a -> Pod/s/${name}`,
            `uses-secret: Pod/s/${name} -> Secret/s/k`,
          ]),
        ],
      );
      const filter = kinds ? { ...EVERYTHING, kinds: new Set(kinds) } : EVERYTHING;
      return links(drawMap(graph, options({ open: ["s/"], filter }))).filter((link) =>
        link.endsWith("s/|Secret|k"),
      );
    };
    expect(used(["a-1", "a-2"])).toEqual(["s/|Pod|Deployment/a → s/|Secret|k"]);
    expect(used([])).toEqual(["s/|Deployment|a → s/|Secret|k"]);
    expect(used(["a-1", "a-2"], ["Deployment", "Secret"])).toEqual(["s/|Deployment|a → s/|Secret|k"]);
  });

  it("shows what matches, and nothing of what does not", () => {
    const { graph } = shop();
    const statuses: ReadonlySet<Status> = new Set(["Error"]);
    const scene = drawMap(graph, options({ filter: { ...EVERYTHING, statuses } }));
    expect(outline(scene)).toEqual([["shop", "cart"]]);
    expect(scene.cards.get("shop/cart")?.members).toHaveLength(8);
  });

  it("is open from the beginning where there is little", () => {
    expect([...openAtFirst(shop().graph, EVERYTHING)]).toEqual(["shop/", "shop/cart", "shop/blog", "/"]);
    expect(openAtFirst(crowd(40, 2).graph, EVERYTHING).size).toBe(0);
  });

  it("draws some hundreds of cards of 5,000 nodes, and leaves none out", () => {
    const { graph } = crowd(290, 15);
    const scene = drawMap(graph, options());
    expect(graph.nodes.size).toBeGreaterThan(5_000);
    expect(scene.cards.size).toBe(290);
    expect(scene.cardOf.size).toBe(graph.nodes.size);
  });

  it("draws namespaces as cards where there are too many releases, until they are opened", () => {
    const { graph } = crowd(400, 1);
    expect(drawMap(graph, options()).cards.size).toBe(20);
    const scene = drawMap(graph, options({ open: ["ns-3/*"] }));
    expect(scene.cards.size).toBe(19 + 20);
    expect(scene.cardOf.size).toBe(graph.nodes.size);
  });
});

describe("the focus", () => {
  it("leads to what is missing from the Pods that lack it, and from the workload where there are none", () => {
    const nodes = [
      node("Deployment/s/a", { status: "Error", ...lacking }),
      node("Pod/s/a-1", { status: "Error", ...lacking }),
    ];
    const ghosts = (some: typeof nodes, edges: string[]) =>
      links(
        drawFocus(
          build(some, edges).graph,
          study({ asked: ["Deployment/s/a"], broken: some.map((each) => each.uid) }),
          options(),
        ) as Scene,
      ).filter((link) => link.includes("ghost"));
    const ghost = "ghost|Secret/s/k";
    expect(ghosts(nodes, ["owns: Deployment/s/a -> Pod/s/a-1"])).toEqual([`s/|Pod|Deployment/a → ${ghost}`]);
    expect(ghosts(nodes.slice(0, 1), [])).toEqual([`s/|Deployment|a → ${ghost}`]);
  });

  const PODS = ["Pod/shop/cart-7-a", "Pod/shop/cart-7-b", "Pod/shop/cart-7-c"];
  const SLICE = "EndpointSlice/shop/cart-x";
  const OWNERS = ["Deployment/shop/cart", "ReplicaSet/shop/cart-7"];
  const crash = study({
    asked: PODS,
    chain: ["Ingress/shop/cart", "Service/shop/cart", "Pod/shop/cart-7-a", "missing Secret/shop/keys"],
    broken: ["Ingress/shop/cart", "Service/shop/cart", SLICE, ...OWNERS, ...PODS],
  });
  const focus = (about: Study, hidden = ["runs-on"]) =>
    drawFocus(shop().graph, about, { open: new Set(), hidden: new Set(hidden) }) as Scene;

  it("on what depends on something shows that and nothing else, whatever its dependents lack", () => {
    const target = { kind: "ConfigMap", group: "", namespace: "shop", name: "settings" };
    const none = { stops: [], degrades: [], losesCopy: [] };
    const counts = { stops: {}, degrades: {}, losesCopy: {} };
    const scene = focus({
      ...study({ asked: ["ConfigMap/shop/settings"], dependents: PODS }),
      forecast: { target, levels: none, counts, later: [], entries: 0 },
    });
    expect([...scene.cards.keys()].sort()).toEqual([
      "shop/cart|Pod|Deployment/cart",
      "shop/|ConfigMap|settings",
    ]);
    expect([...scene.lines.values()].filter((line) => line.path)).toEqual([]);
  });

  it("shows the way to the cause, what depends on it and what it needs, and what does not exist", () => {
    const scene = focus(crash);
    expect([...scene.cards.keys()].sort()).toEqual([
      "ghost|Secret/shop/keys",
      "shop/cart|Deployment|cart",
      "shop/cart|Ingress|cart",
      "shop/cart|Pod|Deployment/cart",
      "shop/cart|Service|cart",
      "shop/|ConfigMap|settings",
    ]);
    const paths = [...scene.lines.values()].filter((line) => line.path);
    expect(paths.map((line) => line.id).sort()).toEqual([
      "shop/cart|Deployment|cart → shop/cart|Pod|Deployment/cart",
      "shop/cart|Ingress|cart → shop/cart|Service|cart",
      "shop/cart|Pod|Deployment/cart → ghost|Secret/shop/keys",
      "shop/cart|Service|cart → shop/cart|Pod|Deployment/cart",
    ]);
  });

  it("is told from the symptom that users see to the cause", () => {
    expect(storyOf(focus(crash), crash).map((card) => `${card.kind} ${card.title}`)).toEqual([
      "Ingress cart",
      "Service cart",
      "Pod cart",
      "Secret keys",
    ]);
  });

  it("of what is well shows what depends on it, and tells of nothing else", () => {
    const about = study({
      asked: ["Node//node-1"],
      chain: ["Node//node-1"],
      dependents: ["Pod/shop/blog-1", "Ingress/shop/cart"],
    });
    const scene = focus(about, []);
    expect(scene.cardOf.get("Pod/shop/blog-1")).toBe("shop/blog|Pod|Deployment/blog");
    expect(scene.cardOf.get("Ingress/shop/cart")).toBe("shop/cart|Ingress|cart");
    expect(storyOf(scene, about).map((card) => card.title)).toEqual(["node-1"]);
  });

  it("gathers dependents that are well by release where there are many", () => {
    const nodes = Array.from({ length: 100 }, (_, number) =>
      node(`Pod/shop/p-${number}`, { release: `r-${number % 4}` }),
    );
    const { graph } = build(
      [node("Node//node-1", { status: "Error" }), ...nodes],
      nodes.map((each) => `runs-on: ${each.uid} -> Node//node-1`),
    );
    const many = build(
      [
        node("Node//node-1", { status: "Error" }),
        ...nodes.map((each, number) => ({ ...each, kind: `Kind${number}` })),
      ],
      nodes.map((each) => `runs-on: ${each.uid} -> Node//node-1`),
    );
    const about = study({ asked: ["Node//node-1"], dependents: nodes.map((each) => each.uid) });
    const few = drawFocus(graph, about, { open: new Set(), hidden: new Set() });
    expect(few?.cards.size).toBe(1 + 4);
    const gathered = drawFocus(many.graph, about, { open: new Set(), hidden: new Set() });
    expect([...(gathered?.cards.keys() ?? [])]).toEqual([
      "/|Node|node-1",
      "shop/r-0",
      "shop/r-1",
      "shop/r-2",
      "shop/r-3",
    ]);
    expect(gathered?.cardOf.size).toBe(101);
  });

  it("is none when nothing of it is there", () => {
    expect(
      drawFocus(shop().graph, study({ asked: ["Pod/shop/gone"] }), { open: new Set(), hidden: new Set() }),
    ).toBeNull();
  });
});
