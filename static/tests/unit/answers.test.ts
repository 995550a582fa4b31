import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Answers, type Study, type Subject } from "../../src/state/answers";

const POD = { kind: "Pod", group: "", namespace: "shop", name: "cart-1", uid: "p", status: "Error" };
const SERVICE = { kind: "Service", group: "", namespace: "shop", name: "cart", uid: "s", status: "Error" };
const SECRET = { kind: "Secret", group: "", namespace: "shop", name: "keys", missing: true };
const PROBLEM = {
  id: "41bf",
  status: "Error",
  reason: "NotFound",
  message: "Secret keys does not exist",
  cause: SECRET,
  affected: { total: 2, kinds: { Pod: 1, Service: 1 }, nodes: [POD, SERVICE] },
  entries: [],
  releases: [],
  namespaces: ["shop"],
  path: [SERVICE, POD, SECRET],
};
const ANSWERS: Record<string, unknown> = {
  "/api/v1/problems/41bf": PROBLEM,
  "/api/v1/resources/s/why": {
    node: { ...SERVICE, reason: "NoReadyEndpoints" },
    chain: [SECRET, { ...POD, reason: "CreateContainerConfigError" }, SERVICE],
    others: [],
    needs: [],
  },
  "/api/v1/resources/s/impact": {
    target: SERVICE,
    levels: {
      stops: [{ kind: "Ingress", group: "", namespace: "shop", name: "cart", uid: "i" }],
      degrades: [],
      losesCopy: [],
    },
  },
  "/api/v1/resources/w/why": {
    node: { ...POD, uid: "w", status: "Ready", reason: "Running" },
    chain: [],
    others: [],
    needs: [],
  },
  "/api/v1/resources/w/impact": { target: POD, levels: { stops: [], degrades: [SERVICE], losesCopy: [] } },
};

/** A server that answers so, and what it was asked. */
class Site {
  readonly asked: string[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, answer) => {
      const { pathname, search } = new URL(request.url ?? "/", "http://x");
      this.asked.push(pathname + search);
      const body = ANSWERS[pathname];
      answer.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" });
      answer.end(JSON.stringify(body ?? { error: "not-found" }));
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((started) => this.#server.listen(0, "127.0.0.1", started));
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v1/ws`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

describe("answers", () => {
  let site = new Site();
  afterEach(() => {
    site.stop();
    site = new Site();
  });

  /** The first study that comes. */
  async function ask(subject: Subject): Promise<Study | null> {
    const address = await site.start();
    return new Promise((onStudy) => {
      new Answers(address, () => null, { onStudy }).study(subject);
    });
  }

  it("about a problem tell the way from what users meet to the cause", async () => {
    const study = await ask({ about: "problem", id: "41bf" });
    expect(study?.chain.map((step) => step.name)).toEqual(["cart", "cart-1", "keys"]);
    expect(study?.broken).toEqual(["p", "s"]);
    expect(study?.headline).toMatchObject({ reason: "NotFound", message: "Secret keys does not exist" });
  });

  it("about why a resource is so tell the way to its cause, and nothing that merely depends on it", async () => {
    const study = await ask({ about: "cause", uids: ["s"] });
    expect(study?.chain.map((step) => step.name)).toEqual(["cart", "cart-1", "keys"]);
    expect(study?.dependents).toEqual([]);
    expect(study?.headline?.message).toBe("Secret keys does not exist in namespace shop");
    expect(site.asked).toEqual(["/api/v1/resources/s/why"]);
  });

  it("about what depends on a resource are headed by it, whatever is wrong with it", async () => {
    const study = await ask({ about: "impact", uids: ["s"] });
    expect(study?.chain.map((step) => step.name)).toEqual(["cart"]);
    expect(study?.dependents).toEqual(["i"]);
    expect(study?.headline).toBeNull();
    expect(study?.forecast?.target.name).toBe("cart");
    expect(site.asked).toEqual(["/api/v1/resources/s/impact?action=fail"]);
  });

  it("about what no longer exists are none", async () => {
    expect(await ask({ about: "problem", id: "gone" })).toBeNull();
  });

  it("come again when the graph has changed, and not otherwise", async () => {
    const address = await site.start();
    let told = 0;
    const answers = new Answers(address, () => null, {
      onStudy: () => {
        told += 1;
      },
    });
    answers.study({ about: "problem", id: "41bf" });
    await vi.waitFor(() => expect(told).toBe(1));
    await new Promise((passed) => setTimeout(passed, 1_500));
    expect(site.asked).toHaveLength(1);
    answers.changed();
    answers.changed();
    await vi.waitFor(() => expect(told).toBe(2), 3_000);
    expect(site.asked).toHaveLength(2);
    answers.study(null);
    answers.changed();
  });
});
