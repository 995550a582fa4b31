import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Problem } from "@astrolabe/stream";
import { afterEach, describe, expect, it } from "vitest";
import { Answers, type Study } from "../../src/state/answers";
import { readView } from "../../src/state/url";

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
  problems: unknown[] = [PROBLEM];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, answer) => {
      const { pathname, search } = new URL(request.url ?? "/", "http://x");
      this.asked.push(pathname + search);
      const body = pathname === "/api/v1/problems" ? this.problems : ANSWERS[pathname];
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

  /** The first problems and the first study that come. */
  async function ask(
    act: (answers: Answers) => void,
  ): Promise<{ problems: readonly Problem[]; study: Study | null }> {
    const address = await site.start();
    return new Promise((done) => {
      let study: Study | null = null;
      const answers = new Answers(address, () => null, {
        onStudy: (told) => {
          study = told;
        },
        onProblems: (problems) => done({ problems: problems ?? [], study }),
      });
      act(answers);
    });
  }

  it("are of the part that the page shows, in the order that it asks for", async () => {
    const view = readView("?namespace=shop,blog&status=Error&only.kind=Pod&sort=newest");
    const { problems } = await ask((answers) => answers.show(view));
    expect(problems.map((problem) => problem.id)).toEqual(["41bf"]);
    const query = "sort=newest&namespace=shop&namespace=blog&status=Error&kind=Pod";
    expect(site.asked).toEqual([`/api/v1/problems?${query}`]);
  });

  it("about a problem tell the way from what users meet to the cause", async () => {
    const { study } = await ask((answers) => {
      answers.study("41bf");
      answers.show(readView(""));
    });
    expect(study?.chain.map((step) => step.name)).toEqual(["cart", "cart-1", "keys"]);
    expect(study?.broken).toEqual(["p", "s"]);
    expect(study?.headline).toMatchObject({ reason: "NotFound", message: "Secret keys does not exist" });
  });

  it("about a resource tell why it is so, and what depends on it", async () => {
    const { study } = await ask((answers) => {
      answers.study(["s"]);
      answers.show(readView(""));
    });
    expect(study?.chain.map((step) => step.name)).toEqual(["cart", "cart-1", "keys"]);
    expect(study?.dependents).toEqual(["i"]);
    expect(study?.headline?.message).toBe("Secret keys does not exist in namespace shop");
  });

  it("about what is well are headed by itself", async () => {
    const { study } = await ask((answers) => {
      answers.study(["w"]);
      answers.show(readView(""));
    });
    expect(study?.chain.map((step) => step.uid)).toEqual(["w"]);
    expect(study?.headline).toMatchObject({ status: "Ready", reason: "Running" });
    expect(study?.dependents).toEqual(["s"]);
  });

  it("about what no longer exists are none, and the problems still come", async () => {
    const { problems, study } = await ask((answers) => {
      answers.study("gone");
      answers.show(readView(""));
    });
    expect(study).toBeNull();
    expect(problems).toHaveLength(1);
  });
});
