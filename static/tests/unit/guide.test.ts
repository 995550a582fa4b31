/** The guide: how its pages are made, and how they are searched. */

import { describe, expect, test } from "vitest";
import { contents, llms } from "../../rendering/guide";
import { render, slug } from "../../rendering/markdown";
import { excerpt, Index } from "../../src/guide/search";

const PAGES = new Set(["index", "install", "redis"]);
const html = (markdown: string) => render(`# Title\n\n${markdown}`, "page", PAGES).html;

describe("a page", () => {
  test("has anchors as GitHub makes them", () => {
    expect(slug("Use it with `--allowed-hosts`, or not")).toBe("use-it-with---allowed-hosts-or-not");
    const { html, sections } = render("# A\n\n## Keys\n\none\n\n## Keys\n\ntwo\n", "page", PAGES);
    expect(html).toContain('<h2 id="keys-1">Keys</h2>');
    expect(sections).toEqual([
      { anchor: "a", heading: "A", level: 1, text: "" },
      { anchor: "keys", heading: "Keys", level: 2, text: "one" },
      { anchor: "keys-1", heading: "Keys", level: 2, text: "two" },
    ]);
  });

  test("links to other pages without .md", () => {
    expect(
      html("[a](install.md#upgrade) [b](index.md) [c](#x) [d](https://k9scli.io) [e](../docs)"),
    ).toContain(
      '<a href="install#upgrade">a</a> <a href="./">b</a> <a href="#x">c</a> ' +
        '<a href="https://k9scli.io">d</a> <a href="../docs">e</a>',
    );
  });

  test.each(["missing.md", "../../README.md", "/docs"])("cannot link to %s", (href) => {
    expect(() => html(`[a](${href})`)).toThrow("no page at");
  });

  test("has no HTML but the marks of what is generated", () => {
    expect(html("<!-- flags, by `make docs` -->\n| a | |\n| --- | --- |\n| 1 | 2 |\n<!-- /flags -->\n")).toBe(
      '<h1 id="title">Title</h1>\n' +
        '<div class="table" tabindex="0" role="group" aria-label="Table"><table>\n' +
        "<thead>\n<tr>\n<th>a</th>\n<td></td>\n</tr>\n</thead>\n" +
        "<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table></div>\n",
    );
    expect(() => html("<b>x</b>")).toThrow("docs/page.md: HTML: <b>");
    expect(() => html("<script>x</script>\n")).toThrow("docs/page.md: HTML: <script>");
  });
});

const INDEX = `# Astrolabe

A live
graph.

![picture](a.svg)

## Start

- [Install](install.md): How to
  begin.

## Operate

- [Redis](redis.md): Replicas.
`;

test("the first page is the navigation and llms.txt", () => {
  const groups = contents(INDEX);
  expect(groups).toEqual([
    { title: "Start", entries: [{ name: "install", title: "Install", about: "How to begin." }] },
    { title: "Operate", entries: [{ name: "redis", title: "Redis", about: "Replicas." }] },
  ]);
  expect(llms(INDEX, groups, "guide/")).toBe(
    "# Astrolabe\n\n> A live graph.\n\n" +
      "## Start\n\n- [Install](guide/install.md): How to begin.\n\n" +
      "## Operate\n\n- [Redis](guide/redis.md): Replicas.\n",
  );
});

describe("search", () => {
  const index = new Index([
    {
      id: "install#upgrade",
      page: "Install",
      heading: "Upgrade",
      text: "Run helm upgrade with the new image.",
    },
    { id: "redis#size", page: "Redis", heading: "Size", text: "An upgrade needs no more memory." },
    { id: "security", page: "Security", heading: "Security", text: "Set --allowed-hosts." },
  ]);
  const found = (text: string) => index.find(text).map((hit) => hit.id);

  test("a heading comes before a text, and every word must be there", () => {
    expect(found("upgrade")).toEqual(["install#upgrade", "redis#size"]);
    expect(found("upgrade memory")).toEqual(["redis#size"]);
    expect(found("upgrade nonsense")).toEqual([]);
  });

  test("beginnings of words, slips and flags are understood", () => {
    expect(found("upgr")).toContain("install#upgrade");
    expect(found("secruity")).toEqual(["security"]);
    expect(found("--allowed-hosts")).toEqual(["security"]);
  });

  test("what was found is marked in its surroundings", () => {
    expect(excerpt("Set --allowed-hosts (a.b) now.", ["a.b", "allowed"])).toEqual([
      { text: "Set --", found: false },
      { text: "allowed", found: true },
      { text: "-hosts (", found: false },
      { text: "a.b", found: true },
      { text: ") now.", found: false },
    ]);
    const long = `${"far away ".repeat(20)}here ${"and on ".repeat(30)}`;
    const shown = excerpt(long, ["here"]);
    expect(shown[0]?.text).toMatch(/^… far away/);
    expect(shown.at(-1)?.text).toMatch(/ …$/);
    expect(shown.map((piece) => piece.text).join("").length).toBeLessThan(180);
  });
});
