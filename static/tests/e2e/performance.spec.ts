import { expect, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

/** Scales of the simulator that make about so many nodes. */
const SIZES = [
  { nodes: 300, scale: 0.0014 },
  { nodes: 1_500, scale: 0.007 },
  { nodes: 5_000, scale: 0.025 },
];
const WATCHED_FOR = 10_000;
/** Milliseconds to the first picture, and of the longest task afterwards. */
const BUDGET = { first: 3_000, task: 200 };
/** On a busy machine a budget may be missed by so much before this fails; not in `make bench`. */
const SLACK = process.env["ASTROLABE_BENCH"] === "full" ? 1 : 3;

declare global {
  interface Window {
    longTasks: { start: number; duration: number }[];
  }
}

for (const { nodes, scale } of SIZES) {
  test(`${nodes} nodes are there soon, and stay fluid under 20 changes a second`, async ({ page }) => {
    const cluster = await Cluster.start({ scale, churn: 20 });
    await page.addInitScript(() => {
      window.longTasks = [];
      new PerformanceObserver((list) => {
        for (const each of list.getEntries()) {
          window.longTasks.push({ start: each.startTime, duration: each.duration });
        }
      }).observe({ type: "longtask" });
    });
    const viewer = new ViewerPage(page);
    await viewer.open(cluster.url);
    const first = await viewer.firstPicture();
    await page.waitForTimeout(WATCHED_FOR);
    const later = await page.evaluate(
      (since) => window.longTasks.filter((task) => task.start > since).map((task) => task.duration),
      first,
    );
    await cluster.kill();
    const longest = Math.max(0, ...later);
    test.info().annotations.push({
      type: "measured",
      description: `${cluster.nodes} nodes: first picture ${first.toFixed(0)} ms, longest task ${longest} ms`,
    });
    process.stdout.write(
      `    ${cluster.nodes} nodes: first picture after ${first.toFixed(0)} ms, longest task ${longest} ms\n`,
    );
    expect(cluster.nodes).toBeGreaterThan(nodes * 0.9);
    expect(first).toBeLessThan(BUDGET.first * SLACK);
    expect(longest).toBeLessThan(BUDGET.task * SLACK);
    expect(viewer.complaints).toEqual([]);
  });
}
