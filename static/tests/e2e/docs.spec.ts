/** The page of the API: complete, on its own, and good for trying things out. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { Observer } from "./observer";

/** How Swagger UI is made: a link in a button, lists of values without a name, texts that scroll. */
const OF_SWAGGER_UI = ["nested-interactive", "select-name", "scrollable-region-focusable"];
const TOKEN = "let-me-in";

let cluster: Cluster;

test.beforeAll(async () => {
  const tokens = join(mkdtempSync(join(tmpdir(), "astrolabe-")), "tokens");
  writeFileSync(tokens, TOKEN);
  cluster = await Cluster.demo("--auth=token", `--auth-token-file=${tokens}`, "--churn=0");
});

test.afterAll(() => cluster.kill());

class DocsPage extends Observer {
  readonly page: Page;

  constructor(page: Page) {
    super(page, (message) => /status of 401/.test(message.text()));
    this.page = page;
  }

  async open(): Promise<void> {
    await this.page.goto(`${cluster.url}docs`);
    await expect(this.operations.first()).toBeVisible();
  }

  get operations() {
    return this.page.locator(".opblock");
  }

  /** Unfolded. */
  async operation(path: string) {
    const operation = this.operations.filter({
      has: this.page.locator(`.opblock-summary-path[data-path="${path}"]`),
    });
    await operation.locator(".opblock-summary-control").click();
    await expect(operation.locator(".opblock-body")).toBeVisible();
    return operation;
  }

  async tryOut(path: string) {
    const operation = await this.operation(path);
    await operation.getByRole("button", { name: "Try it out" }).click();
    await operation.getByRole("button", { name: "Execute" }).click();
    return operation.locator(".live-responses-table tbody");
  }

  async authorize(): Promise<void> {
    await this.page.getByRole("button", { name: "Authorize" }).click();
    const dialog = this.page.locator(".dialog-ux");
    await dialog.getByLabel("Value").fill(TOKEN);
    await dialog.getByRole("button", { name: "Apply credentials" }).click();
    await dialog.getByRole("button", { name: "Close", exact: true }).click();
  }
}

test("every path is shown, by requests to nobody else", async ({ page, request }) => {
  const docs = new DocsPage(page);
  await docs.open();
  const described = await (await request.get(`${cluster.url}openapi.json`)).json();
  const shown = await page
    .locator(".opblock-summary-path")
    .evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset["path"]));
  const paths = Object.entries<object>(described.paths);
  expect(shown).toEqual(paths.flatMap(([path, methods]) => Object.keys(methods).map(() => path)));
  expect(docs.requests.length).toBeGreaterThan(3);
  for (const url of docs.requests) expect(url.startsWith(cluster.url) || url.startsWith("data:")).toBe(true);
  expect(docs.complaints).toEqual([]);
});

test("a request is tried out, with a token", async ({ page }) => {
  const docs = new DocsPage(page);
  await docs.open();
  const refused = await docs.tryOut("/api/v1/namespaces");
  await expect(refused.locator(".response-col_status")).toContainText("401");
  await docs.authorize();
  const answered = await docs.tryOut("/api/v1/charts");
  await expect(answered.locator(".response-col_status")).toContainText("200");
  await expect(answered.locator(".highlight-code, .response-col_description pre").first()).toContainText(
    "cart",
  );
  expect(docs.complaints).toEqual([]);
});

test("who has signed in to the viewer need not do so again", async ({ page }) => {
  const docs = new DocsPage(page);
  await page.addInitScript((token) => sessionStorage.setItem("astrolabe.token", token), TOKEN);
  await docs.open();
  const answered = await docs.tryOut("/api/v1/charts");
  await expect(answered.locator(".response-col_status")).toContainText("200");
  expect(docs.complaints).toEqual([]);
});

test("a stream is described, and not tried out", async ({ page }) => {
  const docs = new DocsPage(page);
  await docs.open();
  const stream = await docs.operation("/api/v1/ws");
  await expect(stream.locator(".opblock-description")).toContainText("Snapshot");
  await expect(stream.getByRole("button", { name: "Try it out" })).toHaveCount(0);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing serious in ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    const docs = new DocsPage(page);
    await docs.open();
    await docs.operation("/api/v1/graph");
    await page.screenshot({ path: `test-results/screenshots/docs-${colorScheme}.png` });
    const { violations } = await new AxeBuilder({ page }).disableRules(OF_SWAGGER_UI).analyze();
    const serious = violations.filter((each) => each.impact === "serious" || each.impact === "critical");
    expect(
      serious.map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 200)).join("\n")}`),
    ).toEqual([]);
  });
}
