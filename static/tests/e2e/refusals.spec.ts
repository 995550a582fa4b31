/** What people see of a server that refuses what they opened. */

import { expect, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.start({ scale: 0.005, churn: 0 });
});

test.afterAll(() => cluster.kill());

test("a filter that is refused is said, and how to go on without", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await page.goto(`${cluster.url}?only.kind=Pood`);
  const notice = page.locator(".notice");
  await expect(notice).toContainText("The server rejects the filter in this address");
  await expect(notice).toContainText("Unknown kind 'Pood'; it is one of ");
  await expect(page).toHaveTitle(/^⚠ Refused/);
  await page.goto(`${cluster.url}?only.namespace=${"x".repeat(3_000)}`);
  await expect(notice).toContainText("at most 2048 are allowed (--max-filter-bytes)");
  const width = () => page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  const [content, window] = await width();
  expect(content).toBeLessThanOrEqual(window ?? 0);
  await viewer.shoot("refused-long-filter");
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(page.getByRole("button", { name: "Problems" })).toHaveText("Problems "); // nobody knows how many
  await page.getByRole("link", { name: "Open it without filters" }).click();
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  expect(viewer.complaints).toEqual([]);
});

test("a page that is taken for one of another site says so", async ({ page }) => {
  const viewer = new ViewerPage(page);
  // As behind a proxy that rewrites what the browser says.
  const evil = { Origin: "https://evil.example" };
  const refused = await (await fetch(`${cluster.url}api/v1/events`, { headers: evil })).text();
  await page.route("**/api/v1/events*", (route) =>
    route.fulfill({ status: 403, contentType: "application/json", body: refused }),
  );
  await page.routeWebSocket(/\/api\/v1\/ws/, (socket) => {
    const { message } = JSON.parse(refused);
    socket.send(JSON.stringify({ type: "error", code: "forbidden-origin", message }));
    socket.close({ code: 4503 });
  });
  await page.goto(cluster.url);
  const notice = page.locator(".notice");
  await expect(notice).toContainText("The server does not accept this page's origin");
  await expect(notice).toContainText("proxy_set_header Host $http_host;");
  await expect(notice).toContainText("--allowed-origins");
  await viewer.shoot("refused-origin");
});

test("a host that is not answered for is a page that says so", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await page.goto(cluster.url.replace("127.0.0.1", "astrolabe.example"));
  await expect(page.getByRole("heading")).toHaveText("Astrolabe does not answer for this host");
  await expect(page.locator("body")).toContainText("--allowed-hosts=astrolabe.example");
  await viewer.shoot("refused-host");
});
