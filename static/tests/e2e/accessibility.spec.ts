import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.start({ scale: 0.01, churn: 0 });
});

test.afterAll(() => cluster.kill());

async function issues(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(
    (each) => `${each.impact}: ${each.id}: ${each.nodes.map((node) => node.html).join(" ")}`,
  );
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    const viewer = new ViewerPage(page);
    await viewer.open(cluster.url);
    expect(await issues(page)).toEqual([]);
    await page.getByRole("button", { name: "Release", exact: true }).click();
    expect(await issues(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await viewer.search.fill("cart");
    await expect(page.locator("[role=option]").first()).toBeVisible();
    expect(await issues(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await viewer.problems.filter({ hasText: "cart-api" }).click();
    await page.locator(".path li").nth(2).getByRole("button").click();
    await viewer.details.locator(".node-link").first().click();
    await expect(viewer.details.getByText("Missing references")).toBeVisible();
    expect(await issues(page)).toEqual([]);
  });
}

test("the list of problems is walked through with the arrows", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await viewer.problems.first().focus();
  await page.keyboard.press("ArrowDown");
  await expect(viewer.problems.nth(1)).toBeFocused();
  await page.keyboard.press("End");
  await expect(viewer.problems.last()).toBeFocused();
  await page.keyboard.press("Home");
  await expect(viewer.problems.first()).toBeFocused();
});

test("who wants no motion gets none", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await viewer.problems.first().click();
  const animated = await page.evaluate(() => document.getAnimations().length);
  expect(animated).toBe(0);
});
