import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

const TOKEN = "open-sesame-3f2a";
const NEXT = "close-sesame-77b1";

let cluster: Cluster;
let folder: string;

const allow = (token: string) => writeFile(join(folder, "tokens"), `${token}\n`);

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "astrolabe-"));
  await allow(TOKEN);
  const file = `--auth-token-file=${join(folder, "tokens")}`;
  cluster = await Cluster.demo("--auth=token", file, "--heartbeat=1s", "--churn=0", "--v=4");
});

test.beforeEach(async () => {
  await allow(TOKEN);
  // The server looks at its file once a second.
  const headers = { Authorization: `Bearer ${TOKEN}` };
  await expect.poll(async () => (await fetch(`${cluster.url}health`, { headers })).status).toBe(200);
});

test.afterAll(async () => {
  await cluster.kill();
  await rm(folder, { recursive: true });
});

const field = (page: Page) => page.getByLabel("Token", { exact: true });
const reason = (page: Page) => page.getByRole("alert");

async function signIn(page: Page, token: string): Promise<void> {
  await field(page).fill(token);
  await page.keyboard.press("Enter");
}

/** Open it as somebody who has the token. */
async function enter(page: Page, search = ""): Promise<ViewerPage> {
  const viewer = new ViewerPage(page);
  await page.goto(cluster.url + search);
  await signIn(page, TOKEN);
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  await viewer.drawn();
  return viewer;
}

test("a token is asked for, a wrong one is refused, the right one opens what the address says", async ({
  page,
}) => {
  const viewer = new ViewerPage(page);
  await page.goto(`${cluster.url}?status=Error`);
  await expect(field(page)).toBeFocused();
  await expect(field(page)).toHaveAttribute("type", "password");
  await expect(page.getByRole("heading", { name: "Sign in to Astrolabe" })).toBeVisible();
  await expect(viewer.search).toBeHidden();
  await signIn(page, "wrong");
  await expect(reason(page)).toHaveText(/is not valid/);
  await expect(field(page)).toBeFocused();
  await signIn(page, `  ${TOKEN} `);
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  await viewer.drawn();
  await expect(field(page)).toBeHidden();
  await expect(page.getByRole("button", { name: /^\d+ Error$/ })).toHaveAttribute("aria-pressed", "true");
  expect(page.url()).toBe(`${cluster.url}?status=Error`);
  expect(viewer.requests.filter((url) => url.includes("sesame"))).toEqual([]);
  expect(viewer.complaints).toEqual([]);
});

test("a reload keeps the session, another tab has none, and signing out ends it", async ({
  page,
  context,
}) => {
  const viewer = await enter(page);
  await page.reload();
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  await viewer.drawn();
  await page.screenshot({ path: "test-results/screenshots/signed-in.png" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: "test-results/screenshots/signed-in-phone.png" });
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain("sesame");
  const other = await context.newPage();
  await other.goto(cluster.url);
  await expect(field(other)).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(field(page)).toBeVisible();
  await expect(reason(page)).toBeHidden();
  expect(await page.evaluate(() => JSON.stringify(sessionStorage))).toBe("{}");
});

test("a token that is withdrawn is said, and with another one it goes on where it was", async ({ page }) => {
  const viewer = await enter(page);
  await viewer.problems.filter({ hasText: "cart-api" }).click();
  const story = await viewer.story();
  const address = page.url();
  await allow(NEXT);
  await expect(reason(page)).toHaveText(/is no longer valid/);
  await expect(viewer.picture).toBeHidden();
  expect(page.url()).toBe(address);
  const sent: string[] = [];
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => sent.push(String(payload))));
  await signIn(page, NEXT);
  await expect(viewer.connection).toHaveAttribute("data-state", "live");
  expect(await viewer.story()).toEqual(story);
  expect(page.url()).toBe(address);
  expect(JSON.parse(sent[0] ?? "{}").since).toBeDefined();
  expect(viewer.complaints).toEqual([]);
});

test("a session whose token was withdrawn meanwhile ends with the reload", async ({ page }) => {
  await enter(page);
  await allow(NEXT);
  await expect(reason(page)).toHaveText(/is no longer valid/);
  await page.reload();
  await expect(field(page)).toBeVisible();
  await expect(reason(page)).toBeHidden();
});

test("whoever needs no token sees nothing of all this", async ({ page }) => {
  const open = await Cluster.demo("--churn=0");
  const viewer = new ViewerPage(page);
  await viewer.open(open.url);
  await expect(page.getByRole("button", { name: "Sign out" })).toBeHidden();
  expect(viewer.requests.filter((url) => url.endsWith("/health"))).toEqual([]);
  expect(viewer.requests.filter((url) => url.endsWith("/whoami"))).toHaveLength(1);
  await expect(page.locator(".user")).toBeHidden();
  await open.kill();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in the form in ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.goto(cluster.url);
    await expect(field(page)).toBeFocused();
    const check = async () => (await new AxeBuilder({ page }).analyze()).violations.map((each) => each.id);
    expect(await check()).toEqual([]);
    await page.screenshot({ path: `test-results/screenshots/sign-in-${colorScheme}.png` });
    await signIn(page, "wrong");
    await expect(reason(page)).toHaveText(/is not valid/);
    expect(await check()).toEqual([]);
    await page.screenshot({ path: `test-results/screenshots/sign-in-refused-${colorScheme}.png` });
  });
}

test("the form fits a phone", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 560 });
  await page.goto(cluster.url);
  await expect(page.getByRole("button", { name: "Sign in" })).toBeInViewport();
  await page.screenshot({ path: "test-results/screenshots/sign-in-phone.png" });
});

test("no token is in the server's log, whatever its verbosity", () => {
  expect(cluster.log.length).toBeGreaterThan(10);
  for (const token of [TOKEN, NEXT, "wrong"]) {
    for (const form of [token, Buffer.from(token).toString("base64url")]) {
      expect(cluster.log.filter((line) => line.includes(form))).toEqual([]);
    }
  }
});
