/** Finds sections of the guide, in the browser: no server is asked but for the index, once. */

import MiniSearch from "minisearch";

/** One section. id: its address beside this page. page: the title of its page. */
export interface Section {
  readonly id: string;
  readonly page: string;
  readonly heading: string;
  readonly text: string;
}

export interface Hit extends Section {
  /** Pieces of the text around what was found; those that were found are marked. */
  readonly excerpt: readonly { readonly text: string; readonly found: boolean }[];
}

const AT_MOST = 12;
/** Characters before and after what was found. */
const BEFORE = 50;
const AFTER = 110;

export class Index {
  readonly #index = new MiniSearch<Section>({
    fields: ["heading", "page", "text"],
    storeFields: ["page", "heading", "text"],
    searchOptions: {
      boost: { heading: 6, page: 3 },
      combineWith: "AND",
      prefix: true,
      fuzzy: (term) => (term.length > 4 ? 0.2 : false),
    },
  });

  constructor(sections: readonly Section[]) {
    this.#index.addAll(sections);
  }

  find(text: string): Hit[] {
    return this.#index
      .search(text)
      .slice(0, AT_MOST)
      .map((hit) => ({
        id: String(hit.id),
        page: String(hit["page"]),
        heading: String(hit["heading"]),
        text: String(hit["text"]),
        excerpt: excerpt(String(hit["text"]), hit.terms),
      }));
  }
}

/** terms: the words of the text that match. */
export function excerpt(text: string, terms: readonly string[]): Hit["excerpt"] {
  const words = new RegExp(
    `(${[...terms]
      .sort((a, b) => b.length - a.length)
      .map(literal)
      .join("|")})`,
    "i",
  );
  const at = Math.max(0, text.search(words));
  const from = at <= BEFORE ? 0 : text.indexOf(" ", at - BEFORE) + 1;
  const ends = text.length <= at + AFTER;
  const to = ends ? text.length : Math.max(at, text.lastIndexOf(" ", at + AFTER));
  const shown = `${from > 0 ? "… " : ""}${text.slice(from, to)}${ends ? "" : " …"}`;
  return shown
    .split(words)
    .map((piece, index) => ({ text: piece, found: index % 2 === 1 }))
    .filter((piece) => piece.text !== "");
}

const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
