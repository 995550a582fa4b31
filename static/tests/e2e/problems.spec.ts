import { expect, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.start({ scale: 0.01, churn: 0 });
});

test.afterAll(() => cluster.kill());

const names = (viewer: ViewerPage) => viewer.page.locator(".problem .who").allTextContents();

test("rows keep their places under the pointer, and what is new waits", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  const before = await names(viewer);
  await viewer.problems.first().hover();
  const crash = await cluster.crash();
  const waiting = page.getByRole("button", { name: "1 new" });
  await expect(waiting).toBeVisible();
  expect(await names(viewer)).toEqual(before);
  await expect(page.locator("#problems-title .number")).toHaveText(String(before.length + 1));
  await page.screenshot({ path: "test-results/screenshots/problems-waiting.png" });
  await waiting.click();
  await expect(viewer.problems.filter({ hasText: crash.workload })).toBeVisible();
  await expect(waiting).toHaveCount(0);
});

test("the same while the focus is in the list, until it leaves", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  const before = await names(viewer);
  await page.mouse.move(900, 500);
  await viewer.problems.last().focus();
  const crash = await cluster.crash();
  await expect(page.getByRole("button", { name: "1 new" })).toBeVisible();
  expect(await names(viewer)).toEqual(before);
  await viewer.search.focus();
  await expect(viewer.problems.filter({ hasText: crash.workload })).toBeVisible();
});

test("a row is a link to its path, with its cause in words, and rows are sorted by choice", async ({
  page,
  context,
}) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  const row = viewer.problems.filter({ hasText: "cart-api" });
  await expect(row.locator(".why")).toContainText('Secret "cart-api-keys" does not exist');
  const opened = context.waitForEvent("page");
  await row.click({ button: "middle" });
  const other = await opened;
  await expect(other.locator(".path > ol > li")).toHaveCount(4);
  await other.close();
  expect(page.url()).toBe(cluster.url);
  await page.getByLabel("Order").selectOption("newest");
  await expect(page).toHaveURL(/sort=newest/);
  const told = await page.request.get(`${cluster.url}api/v1/problems?sort=newest`);
  const causes: string[] = (await told.json()).map((each: { cause: { name: string } }) => each.cause.name);
  await expect
    .poll(async () => (await names(viewer)).every((name, at) => name.startsWith(causes[at] ?? "?")))
    .toBe(true);
});

test("nobody asks for problems: they are followed", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await cluster.crash();
  await page.waitForTimeout(2_000);
  expect(viewer.requests.filter((url) => url.includes("/problems"))).toEqual([]);
});

test("on paper there is the list, whole and without the rest", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await page.emulateMedia({ media: "print" });
  await expect(viewer.picture).toBeHidden();
  await expect(viewer.problems.last()).toBeVisible();
  await page.pdf({ path: "test-results/screenshots/problems.pdf" });
  await page.screenshot({ path: "test-results/screenshots/print.png", fullPage: true });
});
