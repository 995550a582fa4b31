/** The guide: the Markdown of docs/ as pages in guide/, each with its Markdown beside it, searchable. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Plugin } from "vite";
import { type Rendered, render } from "./markdown";

const DOCS = "docs";
const TEMPLATE = "guide.html";
/** Sequences of messages that clients of the stream are tested with. */
const VECTORS = "docs/vectors";
const PICTURE = /\.(svg|png)$/;

interface Entry {
  readonly name: string;
  readonly title: string;
  readonly about: string;
}

interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** The list of pages in index.md is also the navigation and llms.txt. */
export function contents(index: string): Group[] {
  return index
    .split(/^## /m)
    .slice(1)
    .map((part) => ({
      title: part.slice(0, part.indexOf("\n")).trim(),
      entries: [...part.matchAll(/^- \[([^\]]+)\]\(([\w-]+)\.md\): ([^\n]+(?:\n {2}[^\n]+)*)/gm)].map(
        ([, title = "", name = "", about = ""]) => ({ name, title, about: about.replaceAll(/\n +/g, " ") }),
      ),
    }))
    .filter((group) => group.entries.length > 0);
}

/** https://llmstxt.org: what there is, for programs that read. folder: before each address. */
export function llms(index: string, groups: readonly Group[], folder: string): string {
  const about = /^# .+\n\n((?:.+\n)+)/.exec(index)?.[1]?.trim().replaceAll("\n", " ") ?? "";
  const lists = groups.map(
    ({ title, entries }) =>
      `## ${title}\n\n${entries.map((each) => `- [${each.title}](${folder}${each.name}.md): ${each.about}`).join("\n")}\n`,
  );
  return [`# Astrolabe\n\n> ${about}\n`, ...lists].join("\n");
}

/** `docs/*.md`, and the template that Vite has put the addresses of scripts and styles into. */
export function guide(): Plugin {
  return {
    name: "guide",
    apply: "build",
    enforce: "post",
    buildStart() {
      for (const folder of [DOCS, VECTORS])
        for (const file of readdirSync(folder)) this.addWatchFile(join(folder, file));
    },
    generateBundle(_, bundle) {
      const template = bundle[TEMPLATE];
      if (template?.type !== "asset") throw new Error(`${TEMPLATE} was not built`);
      delete bundle[TEMPLATE];
      const emit = (fileName: string, source: string | Uint8Array) =>
        this.emitFile({ type: "asset", fileName, source });
      for (const [name, source] of files(String(template.source))) emit(name, source);
    },
  };
}

function* files(template: string): Generator<[string, string | Uint8Array]> {
  const names = readdirSync(DOCS);
  const markdown = new Map(
    names
      .filter((name) => name.endsWith(".md"))
      .map((name) => [basename(name, ".md"), readFileSync(join(DOCS, name), "utf-8")]),
  );
  const index = markdown.get("index") ?? "";
  const groups = contents(index);
  const order = ["index", ...groups.flatMap(({ entries }) => entries.map(({ name }) => name))];
  const unlisted = [...markdown.keys()].filter((name) => !order.includes(name));
  if (unlisted.length > 0) throw new Error(`docs/index.md does not list ${unlisted.join(", ")}`);
  const rendered = new Map(
    order.map((name) => [name, render(markdown.get(name) ?? "", name, new Set(order))]),
  );
  for (const [name, page] of rendered) {
    yield [`guide/${name}.html`, fill(template, name, page, groups)];
    yield [`guide/${name}.md`, markdown.get(name) ?? ""];
  }
  for (const name of names.filter((each) => PICTURE.test(each)))
    yield [`guide/${name}`, readFileSync(join(DOCS, name))];
  yield ["guide/stream-vectors.json", JSON.stringify(vectors(VECTORS))];
  yield ["guide/problem-vectors.json", JSON.stringify(vectors(join(VECTORS, "problems")))];
  yield ["guide/search.json", JSON.stringify(searchable(rendered))];
  yield ["guide/llms.txt", llms(index, groups, "")];
  yield ["llms.txt", llms(index, groups, "guide/")];
}

/** By name. */
function vectors(folder: string): object {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return Object.fromEntries(
    names
      .sort()
      .map((name) => [basename(name, ".json"), JSON.parse(readFileSync(join(folder, name), "utf-8"))]),
  );
}

/** As src/guide/search.ts reads it. */
function searchable(rendered: ReadonlyMap<string, Rendered>): object[] {
  return [...rendered].flatMap(([name, { title, sections }]) =>
    sections.map(({ anchor, heading, text }, index) => ({
      id: index === 0 ? address(name) : `${address(name)}#${anchor}`,
      page: title,
      heading,
      text,
    })),
  );
}

const address = (name: string): string => (name === "index" ? "./" : name);

function fill(template: string, name: string, page: Rendered, groups: readonly Group[]): string {
  const entries = groups.flatMap((group) => group.entries);
  const at = entries.findIndex((entry) => entry.name === name);
  const parts: Record<string, string> = {
    title: name === "index" ? "Astrolabe guide" : `${page.title} · Astrolabe guide`,
    markdown: `${name}.md`,
    pages: navigation(groups, name),
    content: page.html,
    sections: sectionLinks(page),
    neighbours: [neighbour("prev", entries[at - 1]), neighbour("next", entries[at + 1])].join(""),
  };
  return (
    template
      // The page lies one folder below the files that it needs.
      .replaceAll('="./', '="../')
      .replaceAll(/<!--(\w+)-->|\{\{(\w+)\}\}/g, (_, comment?: string, braces?: string) => {
        const part = parts[comment ?? braces ?? ""];
        if (part === undefined) throw new Error(`${TEMPLATE}: ${comment ?? braces}`);
        return part;
      })
  );
}

function navigation(groups: readonly Group[], current: string): string {
  return groups
    .map(({ title, entries }) => {
      const items = entries.map((entry) => {
        const mark = entry.name === current ? ' aria-current="page"' : "";
        return `<li><a href="${entry.name}"${mark}>${escaped(entry.title)}</a></li>`;
      });
      return `<h2>${escaped(title)}</h2><ul>${items.join("")}</ul>`;
    })
    .join("");
}

/** Pages with few sections need no list of them. */
function sectionLinks({ sections }: Rendered): string {
  const shown = sections.filter(({ level }) => level === 2 || level === 3);
  if (shown.length < 3) return "";
  const items = shown.map(
    ({ anchor, heading, level }) =>
      `<li class="level-${level}"><a href="#${anchor}">${escaped(heading)}</a></li>`,
  );
  return `<nav class="sections" aria-labelledby="sections"><h2 id="sections">On this page</h2><ul>${items.join("")}</ul></nav>`;
}

function neighbour(rel: "prev" | "next", entry: Entry | undefined): string {
  if (entry === undefined) return "";
  const word = rel === "prev" ? "Previous" : "Next";
  return `<a rel="${rel}" href="${entry.name}"><span>${word}</span> ${escaped(entry.title)}</a>`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
