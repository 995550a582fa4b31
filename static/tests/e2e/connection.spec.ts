import { expect, type Page, test } from "@playwright/test";
import { Cluster, Network } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeEach(async () => {
  cluster = await Cluster.start({ scale: 0.005, churn: 0 });
});

test.afterEach(() => cluster.kill());

/** The messages that the page has sent and received from now on, by their type, bookmarks and states left out. */
function listen(page: Page): { sent: Record<string, unknown>[]; received: string[] } {
  const said = { sent: [] as Record<string, unknown>[], received: [] as string[] };
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => said.sent.push(JSON.parse(String(payload))));
    socket.on("framereceived", ({ payload }) => {
      const { type } = JSON.parse(String(payload));
      if (type !== "bookmark" && type !== "state") said.received.push(type);
    });
  });
  return said;
}

test("a cut connection is said, and resumed by one delta", async ({ page }) => {
  const viewer = new ViewerPage(page);
  const network = await Network.before(cluster);
  await viewer.open(network.url);
  network.cut();
  await expect(viewer.connection).toHaveAttribute("data-state", "disconnected");
  await expect(page.getByRole("alert")).toContainText(
    /Not connected since \d\d:\d\d:\d\d.*Showing the last known state/,
  );
  await expect(page).toHaveTitle(/^⚠ Not connected · /);
  const crash = await cluster.crash();
  const said = listen(page);
  network.mend();
  await expect(viewer.connection).toHaveAttribute("data-state", "live", { timeout: 35_000 });
  await expect(viewer.problems.filter({ hasText: crash.workload })).toBeVisible();
  // The graph and its problems, each on a connection of its own.
  expect(said.received.toSorted()).toEqual(["delta", "hello", "hello", "problems-delta"]);
  expect(said.sent.at(-1)?.["since"]).toBeDefined();
  expect(viewer.complaints).toEqual([]);
  await network.close();
});

test("a server that was killed and started again is found, and all is received anew", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(`${cluster.url}?open=checkout/cart`);
  const crash = await cluster.crash();
  await expect(viewer.problems.filter({ hasText: crash.workload })).toBeVisible();
  const broken = await viewer.problems.count();
  await cluster.kill();
  await expect(viewer.connection).toHaveAttribute("data-state", "disconnected");
  await expect(viewer.banner).toContainText(/\d+ s/);
  await expect(viewer.problems).toHaveCount(broken);
  const said = listen(page);
  await cluster.restart();
  await viewer.retry();
  await expect(viewer.connection).toHaveAttribute("data-state", "live", { timeout: 35_000 });
  await expect(viewer.problems).toHaveCount(broken - 1);
  expect(said.received.slice(0, 3)).toEqual(["hello", "reset", "snapshot"]);
  await expect(page).toHaveURL(/open=checkout\/cart/);
  expect(viewer.complaints).toEqual([]);
});
