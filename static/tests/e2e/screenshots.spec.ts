/** Pictures for people to look at, in `test-results/screenshots`; README shows the first, as docs/overview.png. */

import { type Page, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.demo("--churn=0"); // what has just changed is marked, which a picture does not explain
});

test.afterAll(() => cluster.kill());

async function shoot(viewer: ViewerPage, name: string): Promise<void> {
  await viewer.settled();
  await viewer.page.screenshot({ path: `test-results/screenshots/${name}.png` });
}

async function opened(page: Page, search: string): Promise<ViewerPage> {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url + search);
  return viewer;
}

const cart = (viewer: ViewerPage) => viewer.problems.filter({ hasText: "cart-api" });

test("overview", async ({ page }) => {
  await shoot(await opened(page, ""), "overview");
});

test("overview in dark", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(await opened(page, ""), "overview-dark");
});

test("the path to a cause", async ({ page }) => {
  const viewer = await opened(page, "");
  await cart(viewer).click();
  await shoot(viewer, "path");
});

test("a release with its resources, one of them picked", async ({ page }) => {
  const viewer = await opened(page, "");
  await viewer.search.fill("cart-api deployment");
  await page.keyboard.press("Enter");
  await shoot(viewer, "details");
});

test("the same in dark", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  const viewer = await opened(page, "");
  await viewer.search.fill("cart-api deployment");
  await page.keyboard.press("Enter");
  await shoot(viewer, "details-dark");
});

test("search", async ({ page }) => {
  const viewer = await opened(page, "");
  await viewer.search.fill("cart");
  await page.locator("#search-list [data-form=hit]").first().waitFor();
  await shoot(viewer, "search");
});

test("filters", async ({ page }) => {
  const viewer = await opened(page, "?status=Error");
  await page.getByRole("button", { name: "Release", exact: true }).click();
  await shoot(viewer, "filters");
});

test("on a phone", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const viewer = await opened(page, "");
  await shoot(viewer, "phone-map");
  await page.getByRole("button", { name: /^Problems/ }).click();
  await shoot(viewer, "phone-problems");
  await cart(viewer).click();
  await shoot(viewer, "phone-path");
  await page.locator(".path li").nth(2).getByRole("button").click();
  await shoot(viewer, "phone-details");
});

test("5,000 nodes", async ({ page }) => {
  const large = await Cluster.start({ scale: 0.025, churn: 20 });
  const viewer = new ViewerPage(page);
  await viewer.open(large.url);
  await shoot(viewer, "5000-nodes");
  await large.kill();
  await page.waitForTimeout(1_500);
  await shoot(viewer, "disconnected");
});
