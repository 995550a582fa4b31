import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { include: ["tests/unit/**/*.test.ts", "packages/*/tests/**/*.test.ts"] },
});
