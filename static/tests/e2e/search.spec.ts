import { expect, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.demo("--churn=0");
});

test.afterAll(() => cluster.kill());

test("the search field completes the language, and its hits show status and reason", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await page.keyboard.press("/");
  await expect(page.locator("#search-list [role=option]").first()).toContainText("name:");
  await page.keyboard.type("kind:dep");
  await expect(page.locator("#search-list [role=option]")).toHaveText(["Deployment"]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await expect(viewer.search).toHaveValue("kind:Deployment ");
  await page.keyboard.type("status:Error cart");
  const hit = page.locator("#search-list [role=option]").filter({ hasText: "cart-api" });
  await expect(hit).toContainText("Deployment");
  await expect(hit.locator(".reason")).not.toBeEmpty();
  await viewer.shoot("search-hits");
  await page.keyboard.press("Enter");
  await expect(viewer.details.getByRole("heading", { level: 2 })).toHaveText("cart-api");
  await expect(page).toHaveURL(/select=Deployment\/checkout\/cart-api/);
  expect(viewer.complaints).toEqual([]);
});

test("what does not parse is said, with its place, and Escape closes", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await viewer.search.fill("cart sttus:Error web");
  const fault = page.locator(".results .fault");
  await expect(fault).toContainText("Unknown field 'sttus': did you mean status?");
  await expect(fault.locator("mark")).toHaveText("sttus:Error");
  await expect(viewer.search).toHaveAttribute("aria-invalid", "true");
  await viewer.shoot("search-fault");
  await page.keyboard.press("Escape");
  await expect(fault).toBeHidden();
  await expect(viewer.search).toHaveValue("");
});

test("Back returns through every selection", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  const heading = viewer.details.getByRole("heading", { level: 2 });
  for (const name of ["cart-api", "cart-worker"]) {
    await viewer.search.fill(`kind:deploy name:${name}`);
    await page.keyboard.press("Enter");
    await expect(heading).toHaveText(name);
  }
  await page.goBack();
  await expect(heading).toHaveText("cart-api");
  await page.goBack();
  await expect(viewer.details).toHaveCount(0);
  await page.goForward();
  await expect(heading).toHaveText("cart-api");
});

test("the filter is in the same language, and holds for the map, the problems and all counts", async ({
  page,
}) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  const ready = page.locator(".counts .ready strong");
  const errors = page.locator(".counts .error strong");
  const all = Number((await ready.textContent())?.replace(/\D/g, ""));
  const filter = page.getByRole("combobox", { name: "Filter" });
  await filter.fill("ns:check* -kind:job");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/q=ns:check/);
  await expect.poll(async () => Number((await ready.textContent())?.replace(/\D/g, ""))).toBeLessThan(all);
  const found = await page.request.get(`${cluster.url}api/v1/resources?q=ns:check*+-kind:job+status:Error`);
  await expect(errors).toHaveText(String((await found.json()).length));
  const told = await page.request.get(`${cluster.url}api/v1/problems?q=ns:check*+-kind:job`);
  await expect(viewer.problems).toHaveCount((await told.json()).length);
  await viewer.settled();
  await viewer.shoot("filtered");
  await page.reload();
  await expect(filter).toHaveValue("ns:check* -kind:job");
  await expect(viewer.problems).toHaveCount((await told.json()).length);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(filter).toHaveValue("");
  await expect.poll(async () => Number((await ready.textContent())?.replace(/\D/g, ""))).toBe(all);
});

test("a filter that does not parse says so and filters nothing", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await page.goto(`${cluster.url}?q=kind:sheep`);
  await expect(page.getByRole("alert")).toContainText(/unknown kind 'sheep'/);
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  await expect(page.getByText("No problems are listed")).toBeVisible();
  await expect(page.locator(".counts .ready strong")).toHaveText(/^1,\d\d\d$/);
});

test("what depends on something is headed by it, and by nothing else", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  for (const [q, heading] of [
    ["kind:node", /^Without Node /],
    ["name:wildcard-tls kind:secret", /^Without Secret /],
    ["kind:pvc", /^Without PersistentVolumeClaim /],
  ] as const) {
    await viewer.search.fill(q);
    await page.keyboard.press("Enter");
    const name = await viewer.details.getByRole("heading", { level: 2 }).textContent();
    await viewer.details.getByRole("button", { name: "What depends on it" }).click();
    await expect(page.locator(".forecast strong")).toHaveText(heading);
    await expect(page.locator(".forecast strong")).toContainText(name ?? "");
    await expect(page.locator(".cause")).toHaveCount(0);
    await viewer.settled();
    await page.screenshot({ path: `test-results/screenshots/impact-${q.slice(-4)}.png` });
    const list = page.locator(".forecast summary");
    if ((await list.count()) > 0) {
      await list.click();
      await viewer.shoot(`impact-list-${q.slice(-4)}`);
    }
    await page.getByRole("button", { name: "Map", exact: true }).first().click();
  }
});
