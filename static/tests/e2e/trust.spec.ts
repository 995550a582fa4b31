/** Whether the page says how far its picture can be trusted, with pictures of that for people to look at. */

import { expect, type Page, test } from "@playwright/test";
import { Cluster, type Incident } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.afterEach(() => cluster.kill());

async function begin(page: Page, options: Partial<Incident> = {}): Promise<ViewerPage> {
  cluster = await Cluster.start({ scale: 0.005, churn: 0, ...options });
  return new ViewerPage(page);
}

const level = (viewer: ViewerPage, trust: string, timeout = 15_000) =>
  expect(viewer.connection).toHaveAttribute("data-trust", trust, { timeout });

test("what is known so far is called so, and nothing is cleared before all is known", async ({ page }) => {
  const viewer = await begin(page, { hold: "Deployment" });
  await viewer.open(cluster.url);
  await level(viewer, "syncing");
  await expect(viewer.banner).toContainText(
    /still reading the cluster: *\d+ of \d+ kinds, [\d,]+ objects so far/,
  );
  await expect(viewer.banner).toContainText("There may be more problems than shown");
  await expect(page.locator(".counts")).toContainText("so far");
  await expect(page.getByRole("heading", { name: /^Problems/ })).toContainText("so far");
  await expect(page).toHaveTitle(/^… Syncing \d+\/\d+ · simulated · Astrolabe$/);
  await expect(page.locator(".cluster")).toContainText("simulated");
  await viewer.shoot("state-syncing");

  const part = new ViewerPage(await page.context().newPage());
  await part.open(`${cluster.url}?only.kind=StorageClass`);
  const empty = part.page.locator(".well");
  await expect(empty).toHaveText("No problems found so far.");
  await expect(empty.locator(".glyph")).toHaveCount(0);

  await cluster.tell("release");
  await level(viewer, "live", 35_000);
  await expect(viewer.banner).toHaveCount(0);
  await expect(page).toHaveTitle(/^\(\d+\) simulated · Astrolabe$/);
  await expect(page.locator(".counts")).not.toContainText("so far");
  // What was open of the little that was known at first would cover the rest.
  await expect(page.getByRole("button", { name: "Collapse all" })).toHaveCount(0);
  await expect(empty).toHaveText("No problems in the resources that this page asks for.");
  await viewer.shoot("state-live");
  expect([...viewer.complaints, ...part.complaints]).toEqual([]);
});

test("an API server that is gone makes the picture stale within seconds", async ({ page }) => {
  const viewer = await begin(page);
  await viewer.open(cluster.url);
  await level(viewer, "live");
  await expect(page.locator("link[rel=icon]")).toHaveAttribute("href", /c4262e/); // red: something is broken
  await cluster.tell("away");
  await level(viewer, "stale");
  await expect(page.getByRole("alert")).toContainText(
    /Stale since \d\d:\d\d:\d\d.*cannot be reached.*the last known state/,
  );
  await expect(page.getByRole("heading", { name: /^Problems/ })).toContainText(/as of \d\d:\d\d:\d\d/);
  await expect(page).toHaveTitle("⚠ Stale · simulated · Astrolabe");
  await expect(page.locator("link[rel=icon]")).toHaveAttribute("href", /^data:image\/svg\+xml,.*8a94a3/); // gray
  await viewer.shoot("state-stale");
  await cluster.tell("back");
  await level(viewer, "live", 35_000);
  await expect(viewer.banner).toHaveCount(0);
  await cluster.kill();
  await level(viewer, "disconnected");
  await expect(page).toHaveTitle("⚠ Not connected · simulated · Astrolabe");
  await viewer.shoot("state-disconnected");
  expect(viewer.complaints).toEqual([]);
});

test("a kind that may not be read is named, and why", async ({ page }) => {
  const viewer = await begin(page, { forbid: "Secret" });
  await viewer.open(cluster.url);
  await level(viewer, "partial");
  await expect(viewer.banner).toContainText("Some resources are not visible: Secret (forbidden)");
  await expect(page).toHaveTitle(/Partial · simulated · Astrolabe$/);
  await viewer.shoot("state-partial");
  await viewer.banner.getByText("Secret (forbidden)").click();
  await expect(viewer.banner).toContainText('resource "secrets"');
  await page.screenshot({ path: "test-results/screenshots/state-partial-open.png" });
  expect(viewer.complaints).toEqual([]);
});
