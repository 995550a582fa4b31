/** What the tests do with the page, in its own words. */

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { Observer } from "./observer";

const PHONE = { width: 390, height: 844 };

/**
 * What the network does, and a 400 (while somebody types), 401 or 426, the browser says by itself; and what it takes
 * from https only.
 */
const EXPECTED =
  /WebSocket connection to .* failed|net::ERR_|status of (400|401|426)|Cross-Origin-Opener-Policy/;

export class ViewerPage extends Observer {
  readonly page: Page;

  constructor(page: Page) {
    super(page, (message) => EXPECTED.test(message.text()));
    this.page = page;
  }

  get connection() {
    return this.page.locator(".connection");
  }

  get banner() {
    return this.page.locator(".banner");
  }

  /** Those that have not ended. */
  get problems() {
    return this.page.locator('.problem[data-ended="false"]');
  }

  get details() {
    return this.page.getByRole("complementary", { name: "Details" });
  }

  get picture() {
    return this.page.getByRole("application");
  }

  get search() {
    return this.page.getByRole("combobox", { name: "Search resources" });
  }

  /** Open it, and wait until it is live, something is drawn, and the server has told what is broken. */
  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await expect(this.connection).toHaveAttribute("data-state", "live");
    await this.drawn();
    await expect(this.page.locator("#problems-title .number")).toHaveText(/^\d/);
  }

  async drawn(): Promise<void> {
    await this.page.waitForFunction(() => performance.getEntriesByName("first-picture").length > 0);
  }

  /** Milliseconds from the navigation to the first picture. */
  firstPicture(): Promise<number> {
    return this.page.evaluate(
      () => performance.getEntriesByName("first-picture")[0]?.startTime ?? Number.NaN,
    );
  }

  /** The steps of the path, as `Kind name`. */
  async story(): Promise<string[]> {
    const steps = this.page.getByRole("navigation", { name: "Path to the cause" }).getByRole("listitem");
    return steps.evaluateAll((items) =>
      items.map((item) => {
        const say = (part: string) => item.querySelector(part)?.textContent ?? "";
        return `${say(".kind")} ${say(".name")}`;
      }),
    );
  }

  /** Wait until the picture is where it is going to be. */
  async settled(): Promise<void> {
    await expect(this.page.locator(".shapes")).not.toHaveAttribute("aria-busy", "true");
  }

  /** Asks for a connection now; the button is gone when one was made meanwhile. */
  async retry(): Promise<void> {
    const live = this.connection.and(this.page.locator('[data-state="live"]'));
    const button = this.banner.getByRole("button", { name: "Retry" });
    await expect(live.or(button)).toBeVisible();
    await button.click({ timeout: 2_000 }).catch(() => expect(live).toBeVisible());
  }

  /** Pictures of it in light, in dark, on a phone; nothing of it may be hard to read. */
  async shoot(name: string): Promise<void> {
    const { page } = this;
    const { width, height } = page.viewportSize() ?? PHONE;
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(" ")}`);
      expect(found).toEqual([]);
      await page.screenshot({ path: `test-results/screenshots/${name}-${colorScheme}.png` });
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(PHONE);
    await page.screenshot({ path: `test-results/screenshots/${name}-phone.png` });
    await page.setViewportSize({ width, height });
  }
}
