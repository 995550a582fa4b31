/** The token that the user has entered on this page. */

import type { Credentials } from "@astrolabe/stream";

const KEY = "astrolabe.token";

/**
 * It is kept in sessionStorage, so that it survives a reload, and neither the tab nor a look into another one:
 * localStorage would leave it on the disk for whoever uses the browser next. Where storage is forbidden, it
 * lasts until the page is left. It is never part of the address, which is shared, logged and remembered.
 */
export class Session implements Credentials {
  #token: string | null = stored();

  get token(): string | null {
    return this.#token;
  }

  keep(token: string): void {
    this.#token = token;
    inStorage((storage) => storage.setItem(KEY, token));
  }

  forget(): void {
    this.#token = null;
    inStorage((storage) => storage.removeItem(KEY));
  }
}

/** The same token for another connection. Only the first connection decides that it is no longer valid. */
export const lent = (token: () => string | null): Credentials => ({
  get token() {
    return token();
  },
  forget() {},
});

function stored(): string | null {
  return inStorage((storage) => storage.getItem(KEY)) ?? null;
}

/** Null where storage is forbidden: then already the look at it throws. */
function inStorage<T>(act: (storage: Storage) => T): T | null {
  try {
    return act(sessionStorage);
  } catch {
    return null;
  }
}
