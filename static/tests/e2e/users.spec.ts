/** Users with rights of their own (`--auth=kubernetes`): who one is, and what one does not see. */

import { expect, type Page, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeEach(async () => {
  cluster = await Cluster.tenants();
});

test.afterEach(async () => {
  await cluster.kill();
});

async function enter(page: Page, user: string, search = ""): Promise<ViewerPage> {
  const viewer = new ViewerPage(page);
  await page.goto(cluster.url + search);
  await page.getByLabel("Token", { exact: true }).fill(user);
  await page.keyboard.press("Enter");
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  return viewer;
}

const coverage = (page: Page) => page.getByRole("region", { name: "What you may see" });
const verdict = (page: Page) => page.locator(".problems .well");

test("somebody with few rights is told who they are, and what they do not see", async ({ page }) => {
  const viewer = await enter(page, "jane");
  await viewer.drawn();
  await expect(page.locator(".user")).toHaveText("jane");
  await expect(page.locator(".user")).toHaveAttribute("title", "jane\nGroups: system:authenticated");
  await expect(coverage(page).locator("summary")).toHaveText(
    /^Only in the namespace shop: Pod, Service\. Not visible to you: .* and \d+ more\.$/,
  );
  await expect(verdict(page)).toHaveText("Nothing is broken in what you may see.");
  await expect(verdict(page)).toHaveAttribute("data-clear", "false");
  expect(await page.title()).not.toContain("✓");
  await coverage(page).locator("summary").click();
  await expect(coverage(page)).toContainText("In shop only");
  await expect(coverage(page)).toContainText("Secret");
  await expect(page.locator("body")).not.toContainText("bank");
  await viewer.shoot("few-rights");
  expect(viewer.complaints).toEqual([]);
});

test("an administrator sees nothing of all this", async ({ page }) => {
  const viewer = await enter(page, "admin");
  await viewer.drawn();
  await expect(page.locator(".user")).toHaveText("admin");
  await expect(viewer.problems).toHaveCount(1);
  await expect(coverage(page)).toBeHidden();
  await expect(viewer.banner).toBeHidden();
});

test("somebody who may see nothing is told so, and not that nothing is broken", async ({ page }) => {
  await enter(page, "nobody");
  await expect(page.getByRole("heading", { name: "There is nothing that you may see" })).toBeVisible();
  await expect(page.locator("body")).not.toContainText("Nothing is broken.");
});

test("when rights change, it goes on without an alarm", async ({ page, context }) => {
  await enter(await context.newPage(), "joe"); // shares the view of jane until her rights change
  const viewer = await enter(page, "jane");
  await viewer.drawn();
  const alarms: string[] = [];
  await page.exposeFunction("alarmed", (said: string) => alarms.push(said));
  await page.evaluate(() => {
    new MutationObserver(() => {
      const alarm = document.querySelector('[role="alert"]');
      if (alarm) (window as unknown as { alarmed(said: string): void }).alarmed(alarm.textContent ?? "");
    }).observe(document.body, { subtree: true, childList: true });
  });
  let opened = 0;
  page.on("websocket", () => opened++);
  await cluster.tell("grant jane bank");
  await expect(coverage(page).locator("summary")).toHaveText(
    /^Only in the namespaces bank, shop: Pod, Service\./,
  );
  await expect(viewer.problems).toHaveCount(1);
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  await cluster.tell("withdraw jane bank");
  await expect(viewer.problems).toHaveCount(0);
  await expect(coverage(page).locator("summary")).toHaveText(/^Only in the namespace shop: /);
  await expect(page.locator("body")).not.toContainText("bank");
  expect(alarms).toEqual([]);
  expect(opened, "the streams go on").toBe(0);
  expect(viewer.complaints).toEqual([]);
});

test("a token that is not known any more is asked for again, and the place is kept", async ({ page }) => {
  const viewer = await enter(page, "jane", "?status=Ready");
  await viewer.drawn();
  await cluster.tell("forget jane");
  await expect(page.getByRole("alert")).toHaveText(/is no longer valid: it has expired or was withdrawn/);
  await page.getByLabel("Token", { exact: true }).fill("joe");
  await page.keyboard.press("Enter");
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  await expect(page.locator(".user")).toHaveText("joe");
  expect(page.url()).toBe(`${cluster.url}?status=Ready`);
});

test("who signs out leaves nothing behind, and their streams end", async ({ page }) => {
  const viewer = await enter(page, "jane");
  await viewer.drawn();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token", { exact: true })).toBeVisible();
  await expect(page.locator(".user")).toBeHidden();
  await expect(page.locator("body")).not.toContainText("shop-web");
  expect(await page.evaluate(() => JSON.stringify(sessionStorage))).toBe("{}");
});
