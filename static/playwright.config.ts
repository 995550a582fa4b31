import { defineConfig } from "@playwright/test";

/** Debian's Chromium; none is downloaded. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** What measures time: one after the other, after everything else. */
const MEASURING = /(performance|errors)\.spec\.ts$/;

export default defineConfig({
  testDir: "tests/e2e",
  outputDir: "test-results/traces",
  workers: 2,
  projects: [
    { name: "together", testIgnore: MEASURING },
    { name: "alone", testMatch: MEASURING, workers: 1, dependencies: ["together"] },
  ],
  // A browser on a busy machine may miss a moment; what fails twice is broken, what fails once is listed.
  retries: process.env["CI"] ? 1 : 0,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: {
    viewport: { width: 1280, height: 800 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // A name that is no address and not localhost, as real ones are.
        "--host-resolver-rules=MAP astrolabe.example 127.0.0.1",
      ],
    },
  },
});
