import { describe, expect, it } from "vitest";
import { EVERYTHING } from "../../src/cluster/filter";
import { drawMap } from "../../src/scene/map";
import { subjectOf } from "../../src/state/focus";
import { resolve, stackOf, textOf } from "../../src/state/selection";
import { readView, writeView } from "../../src/state/url";
import { shop } from "./build";

describe("an address", () => {
  it("without anything is the map of everything", () => {
    expect(readView("")).toEqual({
      cluster: "",
      filter: EVERYTHING,
      hidden: null,
      open: null,
      focus: null,
      selected: null,
      camera: null,
      by: null,
      table: null,
      scope: {},
      sort: "severity",
    });
    expect(writeView(readView(""))).toBe("");
  });

  it.each([
    "?namespace=a,b&release=cart&kind=Pod&status=Error,Pending",
    "?hide=owns,selects&open=shop/cart,shop/cart|Pod|Deployment/web",
    "?hide=",
    "?open=",
    "?focus=shop/cart|Pod|Deployment/web&select=Pod/shop/web-1&at=-12,340,0.512",
    "?only.namespace=shop,blog&only.selector=app+in+(a,b)",
    "?focus=problem:41bf&sort=newest",
    "?namespace=shop&by=node",
    "?kind=Pod&table=not-ready",
  ])("is written as it was read: %s", (address) => {
    expect(decodeURIComponent(writeView(readView(address)))).toBe(address);
  });

  it("has the server's filter as the server wants it", () => {
    expect(readView("?only.kind=Pod,Job&only.q=web,1").scope).toEqual({ kind: ["Pod", "Job"], q: "web,1" });
  });

  it("that makes no sense is passed over", () => {
    const view = readView("?status=Broken,Error&at=1,2&unknown=x");
    expect([...view.filter.statuses]).toEqual(["Error"]);
    expect(view.camera).toBeNull();
    expect(readView("?at=1,2,-1").camera).toBeNull();
  });
});

describe("what is picked", () => {
  const { graph, index } = shop();
  const scene = drawMap(graph, { filter: EVERYTHING, open: new Set(["shop/cart"]), hidden: new Set() });
  const pick = (text: string) => resolve(graph, index, scene, text);

  it("may be a resource, wherever it is shown", () => {
    expect(pick("Pod/shop/cart-7-a")).toMatchObject({
      form: "resource",
      card: "shop/cart|Pod|Deployment/cart",
    });
    expect(pick("Pod/shop/blog-1")).toMatchObject({ form: "resource", card: "shop/blog" });
  });

  it("may be a card: that of a resource is the resource, with what is folded in or without", () => {
    expect(pick("shop/cart|Deployment|cart")).toMatchObject({
      form: "resource",
      node: { kind: "Deployment", name: "cart" },
    });
    expect(pick("shop/cart|Pod|Deployment/cart")).toMatchObject({ form: "several" });
  });

  it("may be a release or a namespace, open or not", () => {
    expect(pick("shop/cart")).toMatchObject({ form: "several", about: { form: "release", title: "cart" } });
    expect(pick("shop/*")).toMatchObject({ form: "several", about: { form: "namespace", title: "shop" } });
    expect(pick("/")).toMatchObject({ form: "several", about: { title: "cluster-scoped" } });
  });

  it("may be a stack that is not drawn", () => {
    expect(pick("shop/blog|Deployment|blog")).toMatchObject({ form: "resource", card: null });
  });

  it("may be gone", () => {
    expect(pick("Pod/shop/never")).toEqual({ form: "gone", title: "Pod/shop/never", card: null });
    expect(pick("shop/never|Pod|x")).toMatchObject({ form: "gone" });
  });

  it("is said in an address by the name of the resource", () => {
    const card = stackOf(graph, index, "shop/cart|Deployment|cart");
    expect(card && textOf(graph, card)).toBe("Deployment/shop/cart");
    const stack = stackOf(graph, index, "shop/cart|Pod|Deployment/cart");
    expect(stack && textOf(graph, stack)).toBe("shop/cart|Pod|Deployment/cart");
  });
});

describe("what is focused", () => {
  const { graph, index } = shop();
  const subject = (focus: string) => subjectOf(graph, index, focus);

  it("is a problem, one resource, or a stack", () => {
    expect(subject("problem:41bf")).toEqual({ about: "problem", id: "41bf" });
    expect(subject("Pod/shop/cart-7-a")).toEqual({ about: "cause", uids: ["Pod/shop/cart-7-a"] });
    expect(subject("shop/cart|Pod|Deployment/cart")).toMatchObject({ about: "cause" });
  });

  it("is headed by the resource that was asked about, though it is one of a stack", () => {
    for (const name of ["Pod/shop/cart-7-a", "Pod/shop/cart-7-b"]) {
      expect(subject(`impact:${name}`)).toEqual({ about: "impact", uids: [name] });
    }
  });

  it("is nothing when it has gone", () => {
    expect(subject("impact:Pod/shop/gone")).toBeNull();
  });
});
