/** A page of the guide, which is complete without this: search, colours, copying, and the list on a phone. */

import "@fontsource-variable/inter/wght.css";
import "../style/base.css";
import "./guide.css";
import { render } from "preact";
import { Copy } from "../ui/copy";
import { ThemeSwitch } from "../ui/theme-switch";
import { SearchBox } from "./search-box";

const at = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
};

/** Where there is no room for the list of pages, it opens on request. */
function foldPages(): void {
  const pages = at("pages");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain fold";
  button.textContent = "Pages";
  button.setAttribute("aria-controls", "pages");
  const show = (open: boolean) => {
    pages.dataset["open"] = String(open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => show(pages.dataset["open"] !== "true"));
  show(false);
  pages.before(button);
}

function offerCopies(): void {
  for (const block of document.querySelectorAll<HTMLElement>("pre:has(> code.language-sh)")) {
    const place = document.createElement("div");
    place.className = "copy";
    block.before(place);
    const { textContent } = block;
    render(<Copy text={() => textContent.trimEnd()}>Copy</Copy>, place);
  }
}

render(<SearchBox address="search.json" />, at("search"));
render(<ThemeSwitch />, at("theme"));
foldPages();
// The clipboard is there on https and localhost only.
if (navigator.clipboard !== undefined) offerCopies();
