import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import {
  columnText,
  columnTitle,
  fetchEdgeTypes,
  fetchKinds,
  type Kind,
  Kinds,
  type Layer,
} from "../src/kinds";

const NETWORK_POLICY: Kind = {
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  abbreviation: "netpol",
  namespaced: true,
  layer: "policy",
  column: 2,
  columns: [{ name: "podSelector", type: "object", description: "" }],
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
    namespaced: true,
    column: 3,
    columns: [],
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
  expect(kinds.counted(1, "HTTPRoute.gateway.networking.k8s.io")).toBe("1 HTTPRoute");
});

it("writes keys of metadata as titles, and their values in words", () => {
  const keys = ["podIP", "nodeName", "creationTimestamp", "targetCPUUtilization", "mountedPVCs"];
  expect(keys.map(columnTitle)).toEqual([
    "Pod IP",
    "Node name",
    "Created",
    "Target CPU utilization",
    "Mounted PVCs",
  ]);
  expect(columnText({ desired: 3, ready: 0 })).toBe("desired 3, ready 0");
  expect(columnText([{ name: "web", uid: "1" }, "db", true])).toBe("name web, db, true");
});

it("asks the server that has the stream, with the token", async () => {
  const answers: Readonly<Record<string, unknown>> = {
    "/prefix/api/v1/kinds": [NETWORK_POLICY],
    "/prefix/api/v1/edge-types": [{ type: "runs-on", description: "", hidden: true }],
  };
  const server = createServer((request, response) => {
    if (request.headers.authorization !== "Bearer good") response.writeHead(401).end();
    else response.end(JSON.stringify(answers[request.url ?? ""]));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const stream = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/api/v1/ws`;
  expect((await fetchKinds(stream, "good")).of("NetworkPolicy")).toEqual(NETWORK_POLICY);
  expect(await fetchEdgeTypes(stream, "good")).toMatchObject([{ type: "runs-on", hidden: true }]);
  await expect(fetchKinds(stream, null)).rejects.toThrow("HTTP 401");
  server.closeAllConnections();
  server.close();
});
