import { expect, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.demo("--churn=0");
});

test.afterAll(() => cluster.kill());

test("the demo is loaded, and nothing is asked of another origin", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await expect(viewer.connection).toContainText("Live");
  await expect(viewer.problems.first()).toBeVisible();
  await expect(page.locator(".counts .ready strong")).toHaveText(/^1,\d\d\d$/);
  expect(viewer.requests.filter((url) => !url.startsWith(cluster.url) && !url.startsWith("data:"))).toEqual(
    [],
  );
  expect(viewer.complaints).toEqual([]);
});

test("a release is expanded and collapsed with the mouse", async ({ page }) => {
  const viewer = new ViewerPage(page);
  // The first release of the first namespace begins at (16, 52) of the picture, which begins at (0, 0).
  await viewer.open(`${cluster.url}?at=0,0,1`);
  await viewer.picture.click({ position: { x: 100, y: 82 } });
  await expect(viewer.details).toContainText("Release");
  await expect(viewer.details.getByRole("heading", { level: 2 })).toHaveText("platform");
  await viewer.picture.click({ position: { x: 212, y: 90 } });
  await expect(page).toHaveURL(/open=argocd\/platform/);
  await expect(viewer.details.getByRole("button", { name: "Collapse" })).toBeVisible();
  await viewer.details.getByRole("button", { name: "Collapse" }).click();
  await expect(page).not.toHaveURL(/argocd\/platform,|open=argocd\/platform/);
});

test("a release is expanded, walked through and collapsed with the keyboard", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(`${cluster.url}?namespace=checkout`);
  await viewer.picture.focus();
  await page.keyboard.press("ArrowRight");
  const heading = viewer.details.getByRole("heading", { level: 2 });
  const first = (await heading.textContent()) ?? "";
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(
    `${cluster.url}?namespace=checkout&open=checkout/${first}&select=checkout/${first}`,
  );
  await viewer.settled();
  await page.keyboard.press("Enter");
  await expect(page).not.toHaveURL(/open=checkout/);
  await page.keyboard.press("ArrowRight");
  await expect(heading).not.toHaveText(first);
  await page.keyboard.press("Escape");
  await expect(viewer.details).toHaveCount(0);
});

test("a stack is expanded, and collapsed from one of its pods", async ({ page }) => {
  const viewer = new ViewerPage(page);
  const stack = "checkout/cart|Pod|Deployment/cart-api";
  await viewer.open(`${cluster.url}?open=checkout/cart&select=${encodeURIComponent(stack)}`);
  await expect(viewer.details.getByRole("heading", { level: 2 })).toHaveText("cart-api ×3");
  await viewer.details.getByRole("button", { name: "Expand" }).click();
  await expect(page).toHaveURL(`${cluster.url}?open=checkout/cart,${stack}&select=${stack}`);
  await viewer.details.locator(".node-link").first().click();
  await viewer.details.getByRole("button", { name: "Collapse stack" }).click();
  await expect(page).toHaveURL(/open=checkout\/cart&select=Pod/);
  await expect(viewer.details.getByRole("button", { name: "Collapse stack" })).toHaveCount(0);
});

test("search finds as one types, and shows where it is", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await page.keyboard.press("/");
  await expect(viewer.search).toBeFocused();
  await page.keyboard.type("cart-api deploy");
  const options = page.locator("[role=option]");
  await expect(options).toHaveCount(1);
  await expect(options.first()).toContainText("checkout / cart");
  await page.keyboard.press("Enter");
  await expect(viewer.details.getByRole("heading", { level: 2 })).toHaveText("cart-api");
  await expect(page).toHaveURL(/open=checkout\/cart/);
  await expect(page).toHaveURL(/select=Deployment\/checkout\/cart-api/);

  await page.keyboard.press("/");
  await viewer.search.fill("cart");
  await page.keyboard.press("ArrowDown");
  await expect(options.nth(1)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Escape");
  await expect(options).toHaveCount(0);
});

test("a filter by namespace leaves that, and is in the address", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await page.getByRole("button", { name: "Namespace", exact: true }).click();
  await page.getByRole("checkbox", { name: "checkout" }).check();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Namespace checkout", exact: true })).toBeFocused();
  await expect(page).toHaveURL(/namespace=checkout/);
  await viewer.settled();
  const address = page.url();

  await page.reload();
  await viewer.drawn();
  await viewer.settled();
  await expect(page).toHaveURL(address);
  await expect(page.getByRole("button", { name: "Namespace checkout" })).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page).not.toHaveURL(/namespace=/);
});

test("what matches nothing says so", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(`${cluster.url}?namespace=checkout&kind=DaemonSet`);
  await expect(page.getByRole("heading", { name: "No resources match these filters" })).toBeVisible();
});

test("a scope is for the server: the rest is not received, and a bad one is said", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(`${cluster.url}?only.namespace=checkout`);
  await expect(page.locator(".scope")).toHaveText("only namespace checkout");
  await expect(page.locator(".counts .ready strong")).toHaveText(/^\d{3}$/);
  await page.goto(`${cluster.url}?only.kind=Sheep`);
  await expect(viewer.connection).toContainText("Refused");
  await expect(page.getByText("unknown kind 'Sheep'")).toBeVisible();
});

test("the colours are chosen, and remembered", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole("button", { name: /Colours/ }).click();
  await expect.poll(ground).not.toBe(light);
  const dark = await ground();
  await page.reload();
  await viewer.drawn();
  await expect.poll(ground).toBe(dark);
});

test("a card under the mouse says what did not fit on it", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(`${cluster.url}?at=0,0,1`);
  await viewer.picture.hover({ position: { x: 100, y: 90 } });
  await expect(page.locator(".shapes")).toHaveAttribute(
    "title",
    /^Release platform ×\d+\n(Pending|Ready|Error)/,
  );
});

test("from all namespaces one looks into one of them, into a release, and back", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  const overview = page.getByRole("region", { name: "Overview" });
  const tiles = overview.locator(".tile");
  // Names are in full, and nothing is left out.
  const names = await tiles.locator(".name").allTextContents();
  expect(names).toEqual(expect.arrayContaining(["checkout", "payments", "cluster-scoped"]));
  expect(names.filter((name) => name.includes("…"))).toEqual([]);
  const wide = (each: Element[]) => each.filter((name) => name.scrollWidth > name.clientWidth + 1).length;
  expect(await tiles.locator(".name").evaluateAll(wide)).toBe(0);
  const number = (text: string) => Number(/([\d,]+)( resources)?$/.exec(text)?.[1]?.replaceAll(",", ""));
  const sum = number((await overview.locator(".sum").textContent()) ?? "");
  const parts = (await tiles.locator(".foot .number").allTextContents()).map(number);
  expect(parts.reduce((one, other) => one + other)).toBe(sum);
  expect(sum).toBe(
    (await page.locator(".counts strong").allTextContents()).map(number).reduce((a, b) => a + b),
  );
  await viewer.shoot("overview-tiles");

  await tiles.first().focus();
  await page.keyboard.press("ArrowRight");
  await expect(tiles.nth(1)).toBeFocused();
  await tiles.filter({ hasText: /^checkout/ }).click();
  await expect(page).toHaveURL(`${cluster.url}?namespace=checkout`);
  await expect(overview).toHaveCount(0);
  await expect(viewer.picture).toBeVisible();
  await page.goBack();
  await expect(overview).toBeVisible();

  await overview.getByLabel("Group by").selectOption("release");
  await expect(page).toHaveURL(`${cluster.url}?by=release`);
  await tiles.filter({ hasText: /^cartcheckout/ }).click();
  await expect(page).toHaveURL(`${cluster.url}?namespace=checkout&release=cart&open=checkout/cart`);
  await expect(overview).toHaveCount(0);
  await page.goBack();
  for (const by of ["kind", "node", "zone", "owner"]) {
    await overview.getByLabel("Group by").selectOption(by);
    await expect(overview.locator(".sum")).toContainText(`${sum.toLocaleString("en")} resources`);
  }
  expect(viewer.complaints).toEqual([]);
});

test("the same as tables: of namespaces, of a kind, of what is not ready, sorted, searched and saved", async ({
  page,
}) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await page.getByRole("button", { name: "Table", exact: true }).click();
  await expect(page).toHaveURL(`${cluster.url}?table=not-ready`);
  const table = page.getByRole("region", { name: "Table" });
  const rows = table.locator("tbody tr[aria-rowindex]");
  await expect(rows.first()).toContainText("Error");
  await viewer.shoot("table");
  await table.getByLabel("Show").selectOption("Pod");
  await table.getByRole("button", { name: "Name", exact: true }).click();
  await expect(table.locator("th[aria-sort=ascending]")).toHaveText(/^Name/);
  // Only what is in view exists.
  const total = Number((await table.getByRole("status").textContent())?.replace(/[^\d]/g, ""));
  expect(total).toBeGreaterThan(100);
  expect(await rows.count()).toBeLessThan(60);
  const last = () => table.locator("tbody th").last().textContent();
  const before = await last();
  await table.locator(".rows").evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await expect.poll(last).not.toBe(before);
  await expect(rows.last()).toHaveAttribute("aria-rowindex", String(total + 1));
  await table.getByLabel("Search in this table").fill("cart-api");
  await expect(rows).toHaveCount(3);
  await rows.first().getByRole("button").click();
  await expect(viewer.details.getByRole("heading", { level: 2 })).toHaveText(/^cart-api-/);
  const saved = page.waitForEvent("download");
  await table.getByRole("button", { name: "Save as CSV" }).click();
  expect((await saved).suggestedFilename()).toBe("pods.csv");
  await table.getByLabel("Show").selectOption("namespaces");
  await rows.filter({ hasText: "checkout" }).getByRole("button").click();
  await expect(page).toHaveURL(`${cluster.url}?namespace=checkout`);
  await page.goBack();
  await expect(rows.filter({ hasText: "checkout" })).toBeVisible();
  expect(viewer.complaints).toEqual([]);
});
