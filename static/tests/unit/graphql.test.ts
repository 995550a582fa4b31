/** Clients that others wrote, against a real Astrolabe: graphql-ws, and Apollo Client over HTTP and WebSocket. */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { type Client, createClient } from "graphql-ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";

const ROOT = join(import.meta.dirname, "../../..");

/** A server of a small cluster that does as it is told: tests/support/shop_server.py. */
class Shop {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  port = 0;

  constructor() {
    const python = process.env["PYTHON"] ?? join(ROOT, ".venv/bin/python");
    this.#process = spawn(python, ["-m", "tests.support.shop_server"], {
      cwd: ROOT,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const output = this.#process.stdout;
    if (output === null) throw new Error("it has no output");
    this.#lines = createInterface({ input: output })[Symbol.asyncIterator]();
  }

  async start(): Promise<void> {
    this.port = Number((await this.#lines.next()).value);
  }

  async tell(command: string): Promise<void> {
    this.#process.stdin?.write(`${command}\n`);
    await this.#lines.next();
  }

  stop(): void {
    this.#process.stdin?.end();
  }
}

const shop = new Shop();
let socket: Client;
let apollo: ApolloClient;

beforeAll(async () => {
  await shop.start();
  socket = createClient({ url: `ws://127.0.0.1:${shop.port}/graphql`, webSocketImpl: WebSocket, lazy: true });
  apollo = new ApolloClient({
    link: new HttpLink({ uri: `http://127.0.0.1:${shop.port}/graphql` }),
    cache: new InMemoryCache(),
  });
}, 30_000);

afterAll(async () => {
  await socket?.dispose();
  shop.stop();
});

test("graphql-ws: a query", async () => {
  const answers = socket.iterate({
    query: "query ($uid: ID!) { node(uid: $uid) { name status } }",
    variables: { uid: "pod-web-1-abc" },
  });
  const { value } = await answers.next();
  expect(value.data).toEqual({ node: { name: "web-1-abc", status: "Error" } });
  expect((await answers.next()).done).toBe(true);
});

test("graphql-ws: a query that is refused", async () => {
  const refused = socket.iterate({ query: "{ nonsense }" }).next();
  await expect(refused).rejects.toMatchObject([
    { message: expect.stringContaining("Cannot query field 'nonsense'") },
  ]);
});

test("graphql-ws: changes until it has enough", async () => {
  const answers = socket.iterate<{ changes: { type: string; nodes: { name: string }[] } }>({
    query: 'subscription { changes(filter: { kind: ["Deployment"] }) { type nodes { name status } } }',
  });
  expect((await answers.next()).value.data.changes.type).toBe("bookmark");
  await shop.tell("set Deployment api Pending");
  expect((await answers.next()).value.data.changes.nodes).toEqual([{ name: "api", status: "Pending" }]);
  await answers.return?.();
});

test("Apollo Client: a query, and what its cache makes of it", async () => {
  const query = gql`
    query Problems($kind: [String!]) {
      state { state }
      nodes(filter: { kind: $kind }) { totalCount nodes { uid name ... on Pod { details { image } } } }
    }
  `;
  const { data } = await apollo.query<{ nodes: { totalCount: number; nodes: object[] } }>({
    query,
    variables: { kind: ["Pod"] },
  });
  expect(data?.nodes.totalCount).toBe(2);
  expect(data?.nodes.nodes).toContainEqual({
    __typename: "Pod",
    uid: "pod-web-1-abc",
    name: "web-1-abc",
    details: { __typename: "PodMetadata", image: "shop/web:7" },
  });
});

test("Apollo Client: a subscription", async () => {
  const client = new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() });
  const query = gql`
    subscription {
      graph(filter: { kind: ["Service"] }) { type nodes { uid name } removedNodes }
    }
  `;
  type Data = { graph: { type: string; nodes: { name: string }[]; removedNodes: string[] } };
  const seen: Data["graph"][] = [];
  let wake = () => {};
  const following = client.subscribe<Data>({ query }).subscribe((result) => {
    if (result.data) seen.push(result.data.graph);
    wake();
  });
  const until = async (enough: () => boolean) => {
    while (!enough()) await new Promise<void>((resolve) => (wake = resolve));
  };
  await until(() => seen.length > 0);
  expect(seen[0]).toMatchObject({ type: "snapshot", nodes: [{ name: "web" }] });
  await shop.tell("remove Service web");
  await until(() => seen.some((each) => each.removedNodes.length > 0));
  expect(seen.at(-1)).toMatchObject({ type: "delta", removedNodes: ["service-web"] });
  following.unsubscribe();
});
