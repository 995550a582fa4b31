/** One page of the guide: Markdown made into HTML that the pages' policy allows, and into sections to search. */

import MarkdownIt, { type Token } from "markdown-it";

/** A heading and what follows it, as plain text. anchor: of the heading; "" for the page's beginning. */
export interface Section {
  readonly anchor: string;
  readonly heading: string;
  readonly level: number;
  readonly text: string;
}

export interface Rendered {
  readonly title: string;
  readonly html: string;
  readonly sections: readonly Section[];
}

/** Characters of code that fit on a line of a phone. */
const WHOLE = 30;

/** Addresses of what is served and is no page, as pages link to them from their own folder. */
const OF_THE_SERVER = new Set([
  "../",
  "../docs",
  "../openapi.json",
  "stream-vectors.json",
  "problem-vectors.json",
]);

/** As GitHub makes anchors, so that a link works in both places. */
export function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");
}

/** Where a link of a page leads in the guide: pages are served without `.md`. Throws for what is not there. */
export function target(href: string, page: string, pages: ReadonlySet<string>): string {
  if (/^(https?:\/\/|#)/.test(href) || OF_THE_SERVER.has(href)) return href;
  const match = /^([\w-]+)\.md(#.*)?$/.exec(href);
  const name = match?.[1];
  if (name === undefined || !pages.has(name)) throw new Error(`docs/${page}.md: no page at ${href}`);
  return `${name === "index" ? "./" : name}${match?.[2] ?? ""}`;
}

/** pages: the names of all of them. */
export function render(markdown: string, page: string, pages: ReadonlySet<string>): Rendered {
  const md = new MarkdownIt({ html: true });
  const tokens = md.parse(markdown, {});
  const sections = sectionsOf(tokens);
  const title = sections[0]?.heading;
  if (title === undefined || sections[0]?.level !== 1) throw new Error(`docs/${page}.md: no title`);
  follow(tokens, page, pages);
  md.renderer.rules["table_open"] = () =>
    '<div class="table" tabindex="0" role="group" aria-label="Table"><table>\n';
  md.renderer.rules["table_close"] = () => "</table></div>\n";
  md.renderer.rules["html_block"] = (all, index) => comment(all[index]?.content ?? "", page);
  md.renderer.rules["html_inline"] = md.renderer.rules["html_block"];
  md.renderer.rules["code_inline"] = (all, index) => code(md, all[index]?.content ?? "");
  const fence = md.renderer.rules["fence"];
  md.renderer.rules["fence"] = (...args) =>
    (fence?.(...args) ?? "").replace("<pre>", '<pre tabindex="0" role="group" aria-label="Example">');
  return { title, html: md.renderer.render(tokens, md.options, {}), sections };
}

/** Marks of what is generated are comments; any other HTML would escape the checks of links and policy. */
function comment(html: string, page: string): string {
  if (!/^\s*(<!--[^>]*-->\s*)*$/.test(html)) throw new Error(`docs/${page}.md: HTML: ${html}`);
  return "";
}

/** Give headings their anchors and links their addresses, and take headers away that say nothing. */
function follow(tokens: readonly Token[], page: string, pages: ReadonlySet<string>): void {
  const seen = new Map<string, number>();
  for (const [index, token] of tokens.entries()) {
    if (token.type === "th_open" && tokens[index + 1]?.content === "") emptied(token, tokens[index + 2]);
    if (token.type === "heading_open") token.attrSet("id", unique(plain(tokens[index + 1]), seen));
    for (const child of token.children ?? []) {
      if (child.type === "link_open")
        child.attrSet("href", target(String(child.attrGet("href")), page, pages));
      if (child.type === "image") child.attrSet("loading", "lazy");
    }
  }
}

/** A flag or a name is not broken at its hyphens; what is longer has to be. */
function code(md: MarkdownIt, content: string): string {
  return `<code${content.length <= WHOLE ? ' class="whole"' : ""}>${md.utils.escapeHtml(content)}</code>`;
}

/** A column that speaks for itself has no header, which would be one without a name. */
function emptied(open: Token, close: Token | undefined): void {
  open.tag = "td";
  if (close !== undefined) close.tag = "td";
}

function unique(heading: string, seen: Map<string, number>): string {
  const anchor = slug(heading);
  const before = seen.get(anchor) ?? 0;
  seen.set(anchor, before + 1);
  return before === 0 ? anchor : `${anchor}-${before}`;
}

function sectionsOf(tokens: readonly Token[]): Section[] {
  const sections: { anchor: string; heading: string; level: number; texts: string[] }[] = [];
  const seen = new Map<string, number>();
  let heading = 0;
  for (const token of tokens) {
    if (token.type === "heading_open") heading = Number(token.tag.slice(1));
    else if (token.type === "inline" && heading > 0) {
      sections.push({ anchor: unique(plain(token), seen), heading: plain(token), level: heading, texts: [] });
      heading = 0;
    } else if (token.type === "inline") sections.at(-1)?.texts.push(plain(token));
    else if (token.type === "fence") sections.at(-1)?.texts.push(token.content);
  }
  return sections.map(({ texts, ...rest }) => ({ ...rest, text: texts.join(" ").replaceAll(/\s+/g, " ") }));
}

/** What a reader sees of a line. */
function plain(token: Token | undefined): string {
  return (token?.children ?? [])
    .map((child) =>
      /^(text|code_inline)$/.test(child.type) ? child.content : child.type.endsWith("break") ? " " : "",
    )
    .join("");
}
