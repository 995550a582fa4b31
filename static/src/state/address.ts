import { type View, writeView } from "./url";

/** Milliseconds after the last move of the camera. */
const WRITE_AFTER = 300;

/** The address of the page: a view is written there, as a step of the browser's history or in place of the last. */
export class Address {
  #timer: ReturnType<typeof setTimeout> | undefined;

  write(view: View, how: "push" | "replace"): void {
    clearTimeout(this.#timer);
    const address = writeView(view) || location.pathname;
    if (address === location.search) return;
    if (how === "push") history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }

  /** Once it changes no more for a moment. */
  writeSoon(view: () => View): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.write(view(), "replace"), WRITE_AFTER);
  }
}
