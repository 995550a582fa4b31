import { expect, it } from "vitest";
import { type Kind, Kinds, type Layer } from "../src/kinds";

const NETWORK_POLICY: Kind = {
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  abbreviation: "netpol",
  layer: "policy",
  column: 2,
  relays: false,
  inherits: ["owns"],
};

it("describes a kind as the server does", () => {
  expect(new Kinds([NETWORK_POLICY]).of("NetworkPolicy")).toEqual(NETWORK_POLICY);
});

it("shows a kind that the server does not describe, or not in full", () => {
  expect(new Kinds().of("VerticalPodAutoscaler")).toEqual({
    kind: "VerticalPodAutoscaler",
    plural: "verticalpodautoscalers",
    abbreviation: "vpa",
    layer: "cluster",
    column: 3,
    relays: false,
    inherits: ["owns"],
  });
  expect(new Kinds().of("widget").abbreviation).toBe("wid");
  const older = new Kinds([
    { kind: "Pod", layer: "pod" },
    { kind: "Odd", layer: "odd" as Layer },
  ]);
  expect(older.of("Pod")).toMatchObject({ layer: "pod", column: 3 });
  expect(older.of("Odd").layer).toBe("cluster");
});

it("writes plurals with the capitals of the kind", () => {
  const kinds = new Kinds([
    NETWORK_POLICY,
    { kind: "Ingress", plural: "ingresses" },
    { kind: "Mouse", plural: "mice" },
  ]);
  expect(["NetworkPolicy", "Ingress", "Mouse", "Pod"].map((kind) => kinds.plural(kind))).toEqual([
    "NetworkPolicies",
    "Ingresses",
    "Mice",
    "Pods",
  ]);
  expect([kinds.counted(1, "Ingress"), kinds.counted(2, "Ingress")]).toEqual(["1 Ingress", "2 Ingresses"]);
});
