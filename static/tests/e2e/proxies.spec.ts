/** Behind a real nginx, as people have it, the page comes up, follows, and says what the proxy lacks. */

import { expect, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";
import { isInstalled, Nginx } from "./proxy";

/** No address and not localhost: of http pages of such a name Chromium tells the server nothing. */
const NAME = "astrolabe.example";

const UPGRADE = [
  "No WebSocket connection",
  "proxy_http_version 1.1;",
  "proxy_set_header Upgrade $http_upgrade;",
  'proxy_set_header Connection "upgrade";',
  "proxy_set_header Host $http_host;",
];
const HOST = ["No WebSocket connection", "proxy_set_header Host $http_host;"];
const NOTHING: string[] = [];

const CASES: [configuration: string, tls: boolean, lacks: string[]][] = [
  ["defaults", false, UPGRADE],
  ["prefix-defaults", true, UPGRADE],
  ["upgrade", false, HOST],
  ["upgrade", true, HOST],
  ["prefix", false, NOTHING],
  ["recommended", true, NOTHING],
];

test.use({ ignoreHTTPSErrors: true });
test.skip(!isInstalled(), "nginx is needed, which Debian has in the package nginx");

let cluster: Cluster;
let proxy: Nginx;

test.beforeAll(async () => {
  cluster = await Cluster.start({ scale: 0.005, churn: 0 });
});

test.afterEach(() => proxy.close());

test.afterAll(() => cluster.kill());

for (const [configuration, tls, lacks] of CASES) {
  test(`nginx: ${configuration}${tls ? " with TLS" : ""}`, async ({ page }) => {
    proxy = await Nginx.before(cluster, configuration, tls);
    const viewer = new ViewerPage(page);
    // Where the host is passed on the server looks at it, and outside a cluster takes no such name.
    await viewer.open(lacks === NOTHING ? proxy.url : proxy.url.replace("127.0.0.1", NAME));
    for (const line of lacks) await expect(viewer.banner).toContainText(line);
    await expect(viewer.banner).toHaveCount(lacks === NOTHING ? 0 : 1);
    const crash = await cluster.crash();
    await expect(viewer.problems.filter({ hasText: crash.workload })).toBeVisible({ timeout: 2_000 });
    expect(viewer.complaints).toEqual([]);
    if (configuration !== "defaults") return;
    await viewer.shoot("state-fallback");
    await viewer.banner.getByRole("button", { name: "Hide" }).click();
    await expect(viewer.banner).toHaveCount(0);
  });
}
