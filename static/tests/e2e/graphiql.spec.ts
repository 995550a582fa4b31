/** GraphiQL: at the address that programs ask, without another host, within the Content-Security-Policy. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { Observer } from "./observer";

const TOKEN = "let-me-in";

let cluster: Cluster;

test.beforeAll(async () => {
  const tokens = join(mkdtempSync(join(tmpdir(), "astrolabe-")), "tokens");
  writeFileSync(tokens, TOKEN);
  cluster = await Cluster.demo("--auth=token", `--auth-token-file=${tokens}`, "--churn=20");
});

test.afterAll(() => cluster.kill());

class GraphiqlPage extends Observer {
  readonly page: Page;

  constructor(page: Page) {
    super(page, (message) => /status of 401/.test(message.text()));
    this.page = page;
  }

  /** With the token that the viewer has kept. */
  async open(query?: string): Promise<void> {
    await this.page.addInitScript(
      ([token, text]) => {
        sessionStorage.setItem("astrolabe.token", token ?? "");
        if (text) localStorage.setItem("graphiql:query", text);
      },
      [TOKEN, query ?? ""],
    );
    await this.page.goto(`${cluster.url}graphql`);
    await expect(this.page.locator(".graphiql-query-editor .CodeMirror")).toBeVisible();
  }

  async run(): Promise<void> {
    await this.page.getByRole("button", { name: /Execute query/ }).click();
  }

  /** No complaint of the browser, and no request to another host. */
  nothingWrong(): void {
    expect(this.complaints).toEqual([]);
    for (const url of this.requests)
      expect(url.startsWith(cluster.url) || url.startsWith("data:")).toBe(true);
  }

  get answer() {
    return this.page.locator(".result-window");
  }
}

test("a query is answered", async ({ page }) => {
  const graphiql = new GraphiqlPage(page);
  await graphiql.open();
  await graphiql.run();
  await expect(graphiql.answer).toContainText('"state": "live"');
  await expect(graphiql.answer).toContainText('"problems"');
  await page.screenshot({ path: "test-results/graphiql.png" });
  graphiql.nothingWrong();
});

test("the schema is there to read", async ({ page }) => {
  const graphiql = new GraphiqlPage(page);
  await graphiql.open();
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.locator(".graphiql-doc-explorer").getByRole("link", { name: "Query" }).click();
  await expect(page.locator(".graphiql-doc-explorer")).toContainText("What is broken, by cause");
  await page.screenshot({ path: "test-results/graphiql-schema.png" });
  graphiql.nothingWrong();
});

test("a subscription goes on", async ({ page }) => {
  const graphiql = new GraphiqlPage(page);
  await graphiql.open("subscription { changes { type position nodes { kind name } } }");
  await graphiql.run();
  await expect(graphiql.answer).toContainText('"type": "delta"');
  await page.getByRole("button", { name: /Stop query/ }).click();
  graphiql.nothingWrong();
});
