import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const OUT = "dist";
const PACKED = /\.(js|css|html|svg)$/;
/** Bytes below which packing gains nothing. */
const WORTH_IT = 1_000;

/** A packed twin beside each text, so that the server never packs anything. */
function pack(): Plugin {
  return {
    name: "pack",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(OUT, { recursive: true, encoding: "utf-8" })) {
        if (!PACKED.test(entry)) continue;
        const content = readFileSync(join(OUT, entry));
        if (content.length >= WORTH_IT)
          writeFileSync(join(OUT, `${entry}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  // Astrolabe may be served under any path: the page asks for everything relative to itself.
  base: "./",
  plugins: [pack()],
  build: {
    outDir: OUT,
    target: "es2023",
    // The worker that lays out is one file of that size, loaded beside the page.
    chunkSizeWarningLimit: 1_700,
    // Nothing inline: the Content-Security-Policy allows no data: but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/api": { target: "http://localhost:8080", ws: true } } },
  test: { include: ["tests/unit/**/*.test.ts"] },
});
