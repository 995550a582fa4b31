/** The server's descriptions of kinds and edge types, requested again when unknown kinds appear. */

import { type EdgeType, fetchEdgeTypes, fetchKinds, type Kinds } from "@astrolabe/stream";

/** Milliseconds between two questions about kinds that have come since. */
const ASK_EVERY = 5_000;

export interface DescriptionsListener {
  /** null: there was no answer. */
  onDescriptions(kinds: Kinds | null, edgeTypes: readonly EdgeType[]): void;
}

/**
 * Custom kinds come while the page is open. A kind that even a fresh answer does not have is not asked about again, as
 * older servers do not describe it.
 */
export class Descriptions {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #listener: DescriptionsListener;
  readonly #every: number;
  #known: Kinds | null = null;
  #asking = false;
  #askedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #wanted = new Set<string>();
  readonly #undescribed = new Set<string>();

  constructor(
    stream: string,
    token: () => string | null,
    listener: DescriptionsListener,
    every: number = ASK_EVERY,
  ) {
    this.#stream = stream;
    this.#token = token;
    this.#listener = listener;
    this.#every = every;
  }

  /** Whether the first answer is on its way. */
  get isAwaited(): boolean {
    return this.#asking && this.#known === null;
  }

  /** Asked once connected, as only then a token is known to be good. */
  connected(): void {
    if (this.#known === null && !this.#asking) void this.#ask();
  }

  /** A node of this kind is in the graph. */
  seen(kind: string): void {
    if (this.#known === null || this.#known.has(kind) || this.#undescribed.has(kind)) return;
    this.#wanted.add(kind);
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        void this.#ask();
      },
      Math.max(0, this.#askedAt + this.#every - performance.now()),
    );
  }

  async #ask(): Promise<void> {
    const isFirst = this.#known === null;
    this.#asking = true;
    this.#askedAt = performance.now();
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    const token = this.#token();
    let kinds: Kinds | null = null;
    let edgeTypes: readonly EdgeType[] = [];
    try {
      [kinds, edgeTypes] = await Promise.all([
        fetchKinds(this.#stream, token),
        fetchEdgeTypes(this.#stream, token),
      ]);
      this.#known = kinds;
      for (const kind of wanted) if (!kinds.has(kind)) this.#undescribed.add(kind);
    } catch {
      // The next node of such a kind, or the next connection, asks again.
    }
    this.#asking = false;
    // Of a later answer only what it adds moves anything.
    if (isFirst || wanted.some((kind) => kinds?.has(kind))) this.#listener.onDescriptions(kinds, edgeTypes);
  }
}
