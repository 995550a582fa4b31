import { expect, type Page, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

/**
 * Scales of the simulator that make about so many nodes, and what is allowed: milliseconds to the first picture, of the
 * processor for the longest task afterwards, and from a click on a problem to its path; megabytes that the page holds.
 * The large ones take minutes: `make viewer-bench`.
 */
const SIZES = [
  { nodes: 5_000, scale: 0.03, budget: { first: 1_500, task: 50, click: 200, heap: 60 }, long: false },
  { nodes: 26_000, scale: 0.185, budget: { first: 3_000, task: 100, click: 200, heap: 150 }, long: true },
  { nodes: 145_000, scale: 1, budget: { first: 3_000, task: 100, click: 200, heap: 150 }, long: true },
];
const WATCHED_FOR = 8_000;
const isLong = process.env["ASTROLABE_VIEWER_BENCH"] === "full";
/** A busy machine may miss by so much what is measured by the clock, and the rest, before this fails; not in a benchmark. */
const SLACK =
  isLong || process.env["ASTROLABE_BENCH"] === "full"
    ? { first: 1, click: 1, task: 1, heap: 1 }
    : { first: 6, click: 10, task: 2, heap: 1 };

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds: by the clock, and of the processor. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** The longest task of a page's main thread, in milliseconds: of the processor, and by the clock. */
function longestTask(trace: Buffer): { processor: number; clock: number } {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const isMain = (event: TraceEvent) => event.name === "thread_name" && event.args?.name === "CrRendererMain";
  const threads = new Set(traceEvents.filter(isMain).map((event) => `${event.pid} ${event.tid}`));
  const tasks = traceEvents.filter(
    (event) => event.name.endsWith("RunTask") && threads.has(`${event.pid} ${event.tid}`),
  );
  expect(tasks.some((task) => (task.tdur ?? 0) > 0)).toBe(true);
  const most = (values: number[]) => Math.round(Math.max(...values) / 1000);
  return {
    processor: most(tasks.map((task) => task.tdur ?? 0)),
    clock: most(tasks.map((task) => task.dur ?? 0)),
  };
}

/** Milliseconds from a click on the first problem until its path is on the page. */
const clickOnProblem = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const start = performance.now();
        const seen = new MutationObserver(() => {
          if (document.querySelector(".path li") === null) return;
          seen.disconnect();
          requestAnimationFrame(() => resolve(performance.now() - start));
        });
        seen.observe(document.body, { childList: true, subtree: true });
        document.querySelector<HTMLElement>(".problem")?.click();
      }),
  );

/** Megabytes of what is still needed. */
async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return Math.round(usedSize / 1_000_000);
}

for (const { nodes, scale, budget, long } of SIZES) {
  if (long && !isLong) continue;
  test(`${nodes} nodes are there soon, and stay fluid under 20 changes a second`, async ({
    browser,
    page,
  }) => {
    test.setTimeout(long ? 600_000 : 90_000);
    const cluster = await Cluster.start({ scale, churn: 20 });
    const viewer = new ViewerPage(page);
    await viewer.open(cluster.url);
    const first = await viewer.firstPicture();
    await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline"] });
    await page.waitForTimeout(WATCHED_FOR);
    const { processor: task, clock } = longestTask(await browser.stopTracing());
    const heap = await heapOf(page);
    const click = await clickOnProblem(page);
    await cluster.kill();
    const found = { first: Math.round(first), task, click: Math.round(click), heap };
    process.stdout.write(
      `    ${cluster.nodes} nodes: first picture after ${found.first} ms, longest task ${task} ms of the processor ` +
        `(${clock} ms by the clock), a click on a problem ${found.click} ms, ${heap} MB\n`,
    );
    expect(cluster.nodes).toBeGreaterThan(nodes * 0.8);
    const over = (Object.keys(budget) as (keyof typeof budget)[]).filter(
      (key) => found[key] > budget[key] * SLACK[key],
    );
    expect({ over, found }).toEqual({ over: [], found });
    expect(viewer.complaints).toEqual([]);
  });
}
