/** Marks cards that have just changed, for a moment. */

import type { PlacedCard } from "../layout/picture";

/** Milliseconds that a mark stays, and between two steps of its fading. */
const LASTS = 2_400;
const STEP = 400;

export type MarkSign = "new" | "changed" | "removed";

export interface Mark {
  readonly sign: MarkSign;
  /** From 1 down to nothing; 1 throughout for those who want no motion. */
  readonly strength: number;
}

interface Made {
  readonly sign: MarkSign;
  readonly at: number;
}

export class Marks {
  readonly #made = new Map<string, Made>();
  readonly #removed = new Map<string, PlacedCard>();
  readonly #repaint: () => void;
  readonly #still = window.matchMedia("(prefers-reduced-motion: reduce)");
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(repaint: () => void) {
    this.#repaint = repaint;
  }

  /** The cards that are gone, where they were. */
  get removed(): Iterable<PlacedCard> {
    return this.#removed.values();
  }

  add(id: string, sign: "new" | "changed"): void {
    // A new card stays new while it changes.
    if (sign === "changed" && this.of(id)?.sign === "new") return;
    this.#made.set(id, { sign, at: performance.now() });
    this.#begin();
  }

  remove(card: PlacedCard): void {
    this.#made.set(card.card.id, { sign: "removed", at: performance.now() });
    this.#removed.set(card.card.id, card);
    this.#begin();
  }

  of(id: string): Mark | undefined {
    const made = this.#made.get(id);
    if (made === undefined) return undefined;
    const strength = 1 - (performance.now() - made.at) / LASTS;
    if (strength <= 0) return undefined;
    return { sign: made.sign, strength: this.#still.matches ? 1 : strength };
  }

  clear(): void {
    this.#made.clear();
    this.#removed.clear();
  }

  #begin(): void {
    this.#timer ??= setInterval(() => this.#fade(), STEP);
  }

  #fade(): void {
    const oldest = performance.now() - LASTS;
    for (const [id, made] of this.#made) {
      if (made.at > oldest) continue;
      this.#made.delete(id);
      this.#removed.delete(id);
    }
    if (this.#made.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    this.#repaint();
  }
}
