/** What a browser says while it shows a page. */

import type { ConsoleMessage, Page } from "@playwright/test";

export class Observer {
  /** What the browser complained of: nothing may. */
  readonly complaints: string[] = [];
  readonly requests: string[] = [];

  /** expected: errors that are no complaint. */
  constructor(page: Page, expected: (message: ConsoleMessage) => boolean = () => false) {
    page.on("console", (message) => {
      if (message.type() === "error" && !expected(message))
        this.complaints.push(`${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
  }
}
