import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";
import { guide } from "./rendering/guide";

const OUT = "dist";
const PACKED = /\.(js|css|html|svg|md|json|txt)$/;
/** A package's own, and those of what is bundled in the one file that is taken of Swagger UI. */
const LICENSE = /^(licen[cs]e|notice|swagger-ui-es-bundle\.js\.license)/i;
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

/** Packages of this repository, whose license is Astrolabe's own. */
const OWN = "@astrolabe/";
/** What only builds; they are dependencies so that `npm ci --omit=dev` installs all that a build needs. */
const TOOLS = ["markdown-it", "vite"];

/** The licenses of what is bundled go where it goes. */
function licenses(): Plugin {
  return {
    name: "licenses",
    apply: "build",
    generateBundle() {
      const { dependencies } = JSON.parse(readFileSync("package.json", "utf-8"));
      const foreign = Object.keys(dependencies).filter(
        (name) => !name.startsWith(OWN) && !TOOLS.includes(name),
      );
      const texts = foreign.map((name) => {
        const folder = join("node_modules", name);
        const files = readdirSync(folder).filter((entry) => LICENSE.test(entry));
        if (files.length === 0) throw new Error(`${name} has no license`);
        return [name, ...files.map((file) => readFileSync(join(folder, file), "utf-8"))].join("\n\n");
      });
      this.emitFile({ type: "asset", fileName: "licenses.txt", source: texts.join("\n\n----\n\n") });
    },
  };
}

/** GraphiQL's styles bring fonts as data:, which the Content-Security-Policy does not allow. */
function withoutFonts(): Plugin {
  return {
    name: "without-fonts",
    enforce: "pre",
    transform(code, id) {
      if (!/graphiql.*\.css$/.test(id)) return null;
      return { code: code.replace(/@font-face\s*\{[^}]*\}/g, ""), map: null };
    },
  };
}

export default defineConfig({
  // Astrolabe may be served under any path: the page asks for everything relative to itself.
  base: "./",
  plugins: [guide(), withoutFonts(), licenses(), pack()],
  build: {
    outDir: OUT,
    target: "es2023",
    // The worker that lays out and Swagger UI are files of that size, each loaded where it is needed.
    chunkSizeWarningLimit: 1_800,
    rolldownOptions: {
      input: ["index.html", "docs.html", "graphiql.html", "guide.html"],
      // "use client" is for servers that render.
      onwarn: (warning, handle) => {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") handle(warning);
      },
    },
    // Nothing inline: the Content-Security-Policy allows no data: but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: {
    proxy: {
      "/api": { target: "http://localhost:8080", ws: true },
      "/health": "http://localhost:8080",
      "/openapi.json": "http://localhost:8080",
    },
  },
});
