import { expect, test } from "@playwright/test";
import { Cluster } from "./cluster";
import { ViewerPage } from "./page";

let cluster: Cluster;

test.beforeAll(async () => {
  cluster = await Cluster.start({ scale: 0.01, churn: 0 });
});

test.afterAll(() => cluster.kill());

test("a crash is an error within a second, and leads from the Ingress to the Pod", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  const before = await viewer.problems.count();
  const crash = await cluster.crash();
  const problem = viewer.problems.filter({ hasText: crash.workload });
  await expect(problem).toBeVisible({ timeout: 1_000 });
  expect(Date.now() - crash.at).toBeLessThan(1_000);
  await expect(viewer.problems).toHaveCount(before + 1);
  await expect(problem).toContainText("CrashLoopBackOff");
  await expect(problem).toContainText("breaks 1 Ingress, 1 Service, 1 Deployment");

  await problem.click();
  await expect(page.getByRole("button", { name: "Map" })).toBeVisible();
  await expect
    .poll(() => viewer.story())
    .toEqual([`Ingress ${crash.ingress}`, `Service ${crash.service}`, `Pod ${crash.pod}`]);
  await expect(page.locator(".cause")).toContainText("CrashLoopBackOff");
  await page.getByRole("listitem").filter({ hasText: crash.pod }).getByRole("button").click();
  await expect(viewer.details).toContainText("keeps ending: Error (exit code 1)");
  await expect(viewer.details).toContainText(
    `kubectl --context simulated describe pod/${crash.pod} -n ${crash.namespace}`,
  );
  await expect(viewer.details.getByRole("heading", { name: "Needed by" })).toBeVisible();
  await expect(viewer.details).toContainText("spec.selector");
  expect(viewer.complaints).toEqual([]);
});

test("a reference that leads nowhere is the end of the path", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await viewer.problems.filter({ hasText: "cart-api" }).click();
  await expect(page.locator(".path li")).toHaveCount(4);
  await expect
    .poll(() => viewer.story())
    .toEqual(["Ingress cart-api", "Service cart-api", "3 Pods cart-api", "Secret cart-api-keys"]);
  await page.locator(".path li").last().getByRole("button").click();
  await expect(viewer.details).toContainText("Does not exist in checkout");
  await expect(viewer.details).toContainText("valueFrom.secretKeyRef");
});

test("the path is an address, Escape leads back to the map, and Back to the path", async ({ page }) => {
  const viewer = new ViewerPage(page);
  await viewer.open(cluster.url);
  await viewer.problems.filter({ hasText: "cart-api" }).click();
  await expect(page.locator(".path li")).toHaveCount(4);
  await page.reload();
  await viewer.drawn();
  await expect(page.locator(".path li")).toHaveCount(4);
  await page.keyboard.press("Escape");
  await expect(page.locator(".path")).toHaveCount(0);
  await page.goBack();
  await expect(page.locator(".path li")).toHaveCount(4);
});
