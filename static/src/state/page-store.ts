/** The page as it is, its address, and who is told when it changes. */

import { Address } from "./address";
import type { Page } from "./page";
import type { View } from "./url";

export class PageStore {
  #page: Page;
  readonly #listeners = new Set<() => void>();
  readonly #address = new Address();

  constructor(page: Page) {
    this.#page = page;
  }

  get page(): Page {
    return this.#page;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(change: Partial<Page>): void {
    this.#page = { ...this.#page, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** Look at something else, which is a step of the browser's history or takes the place of the last. */
  go(change: Partial<View>, how: "push" | "replace"): void {
    this.set({ view: { ...this.#page.view, ...change } });
    this.#address.write(this.#page.view, how);
  }

  /** Something of the view that nothing else on the page shows; the address follows once it is still. */
  goSoon(change: Partial<View>): void {
    this.#page = { ...this.#page, view: { ...this.#page.view, ...change } };
    this.#address.writeSoon(() => this.#page.view);
  }
}
