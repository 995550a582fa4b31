/** Small graphs by hand, by way of the messages that a server would send. */

import { type Edge, Graph, Kinds, type Node } from "@astrolabe/stream";
import { Cluster } from "../../src/cluster/cluster";
import { Index } from "../../src/cluster/index";

/** `Pod/shop/web-1` with more of it; its uid is its name in full. */
export function node(name: string, more: Partial<Node> = {}): Node {
  const [kind = "", namespace = "", short = ""] = name.split("/");
  return { uid: name, kind, name: short, status: "Ready", ...(namespace && { namespace }), ...more };
}

/** `owns: Deployment/shop/web -> Pod/shop/web-1`. */
export function edge(text: string): Edge {
  const [, type = "", from = "", to = ""] = /^(\S+): (\S+) -> (\S+)$/.exec(text) ?? [];
  return { type, from, to, field: ["spec"] };
}

/** What a server says about the kinds of these tests, as far as it matters to them. */
const KINDS = new Kinds([
  { kind: "Ingress", plural: "ingresses", column: 0 },
  { kind: "Service", column: 1 },
  { kind: "EndpointSlice", column: 2, relays: true, inherits: ["endpoints", "owns"] },
  { kind: "Deployment", column: 2 },
  { kind: "ReplicaSet", column: 3, relays: true },
  { kind: "Job", column: 3 },
  { kind: "Pod", layer: "pod", column: 4 },
  ...["ConfigMap", "Secret", "ServiceAccount", "Node"].map((kind) => ({ kind, column: 5 })),
  { kind: "Namespace", column: 7 },
]);

export interface Built {
  readonly graph: Cluster;
  readonly index: Index;
}

export function build(nodes: readonly Node[], edges: readonly string[] = []): Built {
  const graph = new Graph();
  const index = new Index();
  index.apply(
    graph.apply({ type: "snapshot", epoch: "e", seq: 1, part: 1, last: true, nodes, edges: edges.map(edge) }),
  );
  return { graph: new Cluster(graph, KINDS), index };
}

const broken = (reason: string, message = ""): Partial<Node> => ({ status: "Error", reason, message });
const cart: Partial<Node> = { release: "cart" };

/** A release whose pods lack a Secret, all the way up to the Ingress; and one that is well. */
export function shop(): Built {
  return build(
    [
      node("Namespace//shop"),
      node("Ingress/shop/cart", { ...cart, ...broken("BackendUnavailable") }),
      node("Service/shop/cart", { ...cart, ...broken("NoReadyEndpoints") }),
      node("EndpointSlice/shop/cart-x", { ...cart, ...broken("NoReadyEndpoints") }),
      node("Deployment/shop/cart", { ...cart, ...broken("CreateContainerConfigError") }),
      node("ReplicaSet/shop/cart-7", { ...cart, ...broken("CreateContainerConfigError") }),
      node("ReplicaSet/shop/cart-6", { ...cart, reason: "ScaledToZero" }),
      ...["a", "b", "c"].map((letter) =>
        node(`Pod/shop/cart-7-${letter}`, {
          ...cart,
          ...broken("CreateContainerConfigError", 'secret "keys" not found'),
          since: `2026-01-0${letter === "a" ? 2 : 1}T00:00:00Z`,
          unresolved: [
            { type: "uses-secret", kind: "Secret", namespace: "shop", name: "keys", field: "spec" },
          ],
        }),
      ),
      node("ConfigMap/shop/settings"),
      node("Deployment/shop/blog", { release: "blog" }),
      node("Pod/shop/blog-1", { release: "blog" }),
      node("Node//node-1"),
    ],
    [
      "routes-to: Ingress/shop/cart -> Service/shop/cart",
      "endpoints: Service/shop/cart -> EndpointSlice/shop/cart-x",
      "owns: Deployment/shop/cart -> ReplicaSet/shop/cart-7",
      "owns: Deployment/shop/cart -> ReplicaSet/shop/cart-6",
      ...["a", "b", "c"].flatMap((letter) => [
        `owns: ReplicaSet/shop/cart-7 -> Pod/shop/cart-7-${letter}`,
        `selects: Service/shop/cart -> Pod/shop/cart-7-${letter}`,
        `endpoints: EndpointSlice/shop/cart-x -> Pod/shop/cart-7-${letter}`,
        `uses-configmap: Pod/shop/cart-7-${letter} -> ConfigMap/shop/settings`,
        `runs-on: Pod/shop/cart-7-${letter} -> Node//node-1`,
      ]),
      "owns: Deployment/shop/blog -> Pod/shop/blog-1",
      "runs-on: Pod/shop/blog-1 -> Node//node-1",
    ],
  );
}

/** So many releases in twenty namespaces, each of an Ingress, a Service, a Deployment and pods. */
export function crowd(releases: number, pods: number): Built {
  const nodes: Node[] = [];
  const edges: string[] = [];
  for (let number = 0; number < releases; number += 1) {
    const place = `ns-${number % 20}/app-${number}`;
    const more = { release: `app-${number}` };
    for (const kind of ["Ingress", "Service", "Deployment"]) nodes.push(node(`${kind}/${place}`, more));
    edges.push(`routes-to: Ingress/${place} -> Service/${place}`);
    for (let pod = 0; pod < pods; pod += 1) {
      nodes.push(node(`Pod/${place}-${pod}`, more));
      edges.push(`owns: Deployment/${place} -> Pod/${place}-${pod}`);
      edges.push(`selects: Service/${place} -> Pod/${place}-${pod}`);
    }
  }
  return build(nodes, edges);
}
