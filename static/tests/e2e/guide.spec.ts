/** The guide: complete, without a request to anybody else, below any path, and good for readers of every kind. */

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { Observer } from "./observer";
import { isInstalled, Nginx } from "./proxy";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.demo("--churn=0");
});

test.afterAll(() => cluster.kill());

class GuidePage extends Observer {
  readonly page: Page;

  constructor(page: Page) {
    super(page);
    this.page = page;
  }

  async open(name = "", url = cluster.url): Promise<void> {
    await this.page.goto(`${url}guide/${name}`);
    await expect(this.page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(this.search).toBeVisible();
  }

  get search() {
    return this.page.getByRole("combobox", { name: "Search the guide" });
  }

  get hits() {
    return this.page.getByRole("option");
  }

  /** The names of all pages, from the navigation. */
  async pages(): Promise<string[]> {
    const links = this.page.locator("#pages a");
    return links.evaluateAll((all) => all.map((each) => each.getAttribute("href") ?? ""));
  }
}

test("every link of every page leads somewhere, also those to places in a page", async ({
  page,
  request,
}) => {
  const guide = new GuidePage(page);
  await guide.open();
  const names = await guide.pages();
  expect(names.length).toBeGreaterThan(15);
  const anchors = new Map<string, Set<string>>();
  const links: { from: string; to: URL }[] = [];
  for (const name of ["", ...names]) {
    await guide.open(name);
    const { ids, hrefs } = await page.evaluate(() => ({
      ids: [...document.querySelectorAll("[id]")].map((each) => each.id),
      hrefs: [...document.querySelectorAll<HTMLAnchorElement>("a[href]")].map((each) => each.href),
    }));
    anchors.set(`/guide/${name}`, new Set(ids));
    links.push(...hrefs.map((href) => ({ from: name, to: new URL(href) })));
  }
  const statuses = new Map<string, number>();
  for (const { from, to } of links) {
    if (to.port !== new URL(cluster.url).port) continue;
    const status = statuses.get(to.pathname) ?? (await request.get(`${to.origin}${to.pathname}`)).status();
    statuses.set(to.pathname, status);
    expect(status, `${to} on ${from}`).toBe(200);
    const anchor = decodeURIComponent(to.hash.slice(1));
    if (anchor !== "") expect(anchors.get(to.pathname), `${to} on ${from}`).toContain(anchor);
  }
  expect(guide.complaints).toEqual([]);
  for (const url of guide.requests) expect(url.startsWith(cluster.url) || url.startsWith("data:")).toBe(true);
});

test("each page is there as Markdown, too, and llms.txt lists them", async ({ page, request }) => {
  const guide = new GuidePage(page);
  await guide.open("install");
  const markdown = page.getByRole("link", { name: "This page as Markdown" });
  const answer = await request.get(
    String(await markdown.evaluate((link) => (link as HTMLAnchorElement).href)),
  );
  expect(answer.headers()["content-type"]).toBe("text/markdown; charset=utf-8");
  expect(await answer.text()).toMatch(/^# Install\n/);
  const list = await (await request.get(`${cluster.url}llms.txt`)).text();
  const listed = [...list.matchAll(/\]\((guide\/[\w-]+\.md)\)/g)].map(([, path]) => path);
  expect(listed).toEqual((await guide.pages()).map((name) => `guide/${name}.md`));
  for (const path of listed) expect((await request.get(cluster.url + path)).status()).toBe(200);
});

test("search finds a flag, and keys go there", async ({ page }) => {
  const guide = new GuidePage(page);
  await guide.open();
  await page.keyboard.press("/");
  await expect(guide.search).toBeFocused();
  await page.keyboard.type("allowed-hosts");
  await expect(guide.hits.first()).toContainText("Hosts");
  await page.keyboard.press("ArrowDown");
  await expect(guide.hits.nth(1)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowUp");
  await expect(guide.hits.first()).toHaveAttribute("aria-selected", "true");
  await page.keyboard.type(" nonsense");
  await expect(page.getByText("No results.")).toBeVisible();
  await guide.search.fill("change the password");
  await expect(guide.hits.first()).toContainText("Change the password");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/guide\/redis#change-the-password$/);
  expect(guide.complaints).toEqual([]);
});

test("the pages work below a path, behind a proxy", async ({ page }) => {
  test.skip(!isInstalled(), "nginx is not installed");
  const proxy = await Nginx.before(cluster, "prefix");
  try {
    const guide = new GuidePage(page);
    await guide.open("", proxy.url);
    await guide.search.fill("redis");
    await expect(guide.hits.first()).toBeVisible();
    await page.getByRole("link", { name: "Install", exact: true }).first().click();
    await expect(page.getByRole("heading", { level: 1, name: "Install" })).toBeVisible();
    await page.goto(`${proxy.url}guide`);
    await expect(page).toHaveURL(`${proxy.url}guide/`);
    expect(guide.complaints).toEqual([]);
    for (const url of guide.requests) expect(url.startsWith(proxy.url.replace(/\/$/, ""))).toBe(true);
  } finally {
    await proxy.close();
  }
});

test("a command is copied as it stands", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const guide = new GuidePage(page);
  await guide.open("install");
  await page.getByRole("button", { name: "Copy" }).nth(2).click();
  await expect(page.getByText("Copied")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    ".venv/bin/astrolabe --kubeconfig ~/.kube/config",
  );
});

test("on a phone nothing is cut off, and the list of pages opens on request", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const guide = new GuidePage(page);
  await guide.open();
  for (const name of ["", ...(await guide.pages())]) {
    await guide.open(name);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(390);
    await page.screenshot({
      path: `test-results/screenshots/guide-phone-${name || "index"}.png`,
      fullPage: true,
    });
  }
  const button = page.getByRole("button", { name: "Pages" });
  await expect(page.locator("#pages")).toBeHidden();
  await button.click();
  await expect(button).toHaveAttribute("aria-expanded", "true");
  await page.locator("#pages").getByRole("link", { name: "Glossary" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Glossary" })).toBeVisible();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    const guide = new GuidePage(page);
    for (const name of [
      "",
      "install",
      "configuration",
      "api",
      "viewer",
      "write-a-client",
      "troubleshooting",
    ]) {
      await guide.open(name);
      if (name === "api") {
        await guide.search.fill("filter");
        await expect(guide.hits.first()).toBeVisible();
      }
      await page.screenshot({
        path: `test-results/screenshots/guide-${colorScheme}-${name || "index"}.png`,
        fullPage: true,
      });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(
        violations.map(
          (each) => `${name} ${each.id}: ${each.nodes.map((node) => node.html.slice(0, 200)).join("\n")}`,
        ),
      ).toEqual([]);
    }
  });
}
