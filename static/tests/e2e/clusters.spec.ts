/** A server of several clusters: all at once, one of them, and one that cannot be reached. */

import { expect, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.union();
});

test.afterAll(() => cluster.kill());

const shoot = (viewer: ViewerPage, name: string) =>
  viewer.page.screenshot({ path: `test-results/screenshots/clusters-${name}.png` });

test("one of several clusters is chosen, and Back shows all of them again", async ({ page }) => {
  const viewer = new ViewerPage(page);
  const asked: unknown[] = [];
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => asked.push(JSON.parse(String(payload)))),
  );
  const clusters = page.getByLabel("Cluster", { exact: true });
  const ready = page.locator(".counts .ready strong");
  const number = async () => Number((await ready.textContent())?.replaceAll(",", ""));
  await viewer.open(cluster.url);
  await viewer.settled();
  await expect(clusters.getByRole("option")).toHaveText(["All 3 clusters", "prod-eu", "prod-us", "staging"]);
  await expect(page).toHaveTitle(/^\(\d+\) 3 clusters · Astrolabe$/);
  const rows = viewer.problems.locator(".where");
  const all = await rows.allTextContents();
  expect(all.every((text) => /^(prod-eu|prod-us|staging) \/ /.test(text))).toBe(true);
  expect(new Set(all.map((text) => text.split(" / ")[0])).size).toBe(3);
  const whole = await number();
  await viewer.shoot("clusters-all");

  await clusters.selectOption("prod-us");
  await expect(page).toHaveURL(/\?cluster=prod-us$/);
  await expect(page).toHaveTitle(/^\(\d+\) prod-us · Astrolabe$/);
  await expect.poll(number).toBeLessThan(whole);
  expect((await rows.allTextContents()).some((text) => text.startsWith("prod-"))).toBe(false);
  expect(asked.filter((each) => JSON.stringify(each).includes('"cluster":["prod-us"]')).length).toBe(2);
  await viewer.settled();
  await shoot(viewer, "one");

  await viewer.search.fill("kind:deployment");
  await expect(page.locator("#search-list [data-form=hit]").first()).toContainText("prod-us");
  await expect(page.locator("#search-list [data-form=hit]", { hasText: "prod-eu" })).toHaveCount(0);
  await page.keyboard.press("Enter");
  await expect(viewer.details).toContainText("prod-us");
  await page.goBack();
  await page.goBack();
  await expect(clusters).toHaveValue("");
  await expect.poll(number).toBe(whole);
  await page.goForward();
  await expect(clusters).toHaveValue("prod-us");
  await page.reload();
  await expect(page).toHaveTitle(/prod-us · Astrolabe$/);
  expect(viewer.complaints).toEqual([]);
});

test("the same name in a clone leads to the one of its own cluster", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  for (const name of ["prod-us", "prod-eu"]) {
    const row = viewer.problems.filter({ hasText: name }).first();
    await row.click();
    await expect(page).toHaveURL(/focus=problem:/);
    await expect(page.getByRole("navigation", { name: "Path to the cause" })).toBeVisible();
    await expect.poll(() => viewer.story()).not.toEqual([]);
    await page.locator(".path li button").first().click();
    await expect(viewer.details).toContainText(name);
    await page.reload();
    await expect(viewer.details).toContainText(name);
    await page.getByRole("button", { name: "Close details" }).click();
    await page.getByRole("button", { name: "Map", exact: true }).first().click();
  }
  await viewer.search.fill("kind:deployment cluster:prod-us");
  const answered = page.waitForResponse(/\/resources\/prod-us%2F[^/]+\/impact/);
  await page.locator("#search-list [data-form=hit]").first().click();
  await viewer.details.getByRole("button", { name: "What depends on it" }).click();
  expect((await answered).status()).toBe(200);
  await expect(page).toHaveURL(/focus=impact:prod-us@Deployment\//);
  await expect(page.getByRole("navigation", { name: "What depends on it" })).toContainText(
    "Without Deployment",
  );
  expect(viewer.complaints).toEqual([]);
});

test("a cluster that cannot be reached is named, and the others stay live", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await cluster.tell("away prod-eu");
  await expect(viewer.banner).toContainText(
    /prod-eu is stale since \d\d:\d\d:\d\d.*cannot be reached.*Showing its last known state\. The other 2 clusters are live\./,
    { timeout: 20_000 },
  );
  await expect(page).toHaveTitle(/^\(\d+\) ⚠ prod-eu stale · 3 clusters · Astrolabe$/);
  await expect(page.getByRole("option", { name: "prod-eu (stale)" })).toHaveCount(1);
  await viewer.settled();
  await viewer.shoot("clusters-stale");

  const clusters = page.getByLabel("Cluster", { exact: true });
  await clusters.selectOption("staging");
  await expect(viewer.connection).toHaveAttribute("data-trust", "live");
  await expect(viewer.banner).toHaveCount(0);
  await clusters.selectOption("prod-eu");
  await expect(page).toHaveTitle("⚠ Stale · prod-eu · Astrolabe");
  await expect(page.getByRole("alert")).toContainText(/Stale since .*the last known state/);
  await shoot(viewer, "stale-one");
  await cluster.tell("back prod-eu");
  await expect(viewer.banner).toHaveCount(0, { timeout: 35_000 });
  expect(viewer.complaints).toEqual([]);
});

test("a cluster that the server does not have is refused, and all are a step away", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await page.goto(`${cluster.url}?cluster=gone`);
  await expect(page.getByRole("status").filter({ hasText: "unknown cluster" })).toBeVisible();
  await page.getByLabel("Cluster", { exact: true }).selectOption("");
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  await expect(page.getByLabel("Cluster", { exact: true }).getByRole("option")).toHaveCount(4);
});
