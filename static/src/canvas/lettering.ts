/** Text on the canvas, cut to fit its space. */

const KNOWN_AT_MOST = 4_000;
/** Pixels below which two ends of a name say less than one. */
const NARROW = 84;

export type Cut = "middle" | "end";

export class Lettering {
  readonly #known = new Map<string, string>();

  /**
   * Draw it from x on, shortened when it is wider than `width`. The context's font counts.
   *
   * cut: names are cut in the middle, for their ends tell more; sentences at the end.
   */
  draw(
    context: CanvasRenderingContext2D,
    text: string,
    at: { x: number; y: number; width: number },
    cut: Cut = "middle",
  ): void {
    context.fillText(this.#fit(context, text, at.width, cut), at.x, at.y);
  }

  /** Draw the first of these that fits; none does: the last of them, shortened. */
  drawFirst(
    context: CanvasRenderingContext2D,
    texts: readonly string[],
    at: { x: number; y: number; width: number },
  ): void {
    const fitting = texts.find((text) => this.#fit(context, text, at.width, "end") === text);
    const cut = at.width < NARROW || texts.length > 1 ? "end" : "middle";
    this.draw(context, fitting ?? texts.at(-1) ?? "", at, cut);
  }

  #fit(context: CanvasRenderingContext2D, text: string, width: number, cut: Cut): string {
    const key = `${context.font}|${Math.round(width)}|${cut}|${text}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fitted = shorten(context, text, width, cut);
    if (this.#known.size > KNOWN_AT_MOST) this.#known.clear();
    this.#known.set(key, fitted);
    return fitted;
  }

  /** The font has been loaded: widths are others now. */
  forget(): void {
    this.#known.clear();
  }
}

function shorten(context: CanvasRenderingContext2D, text: string, width: number, cut: Cut): string {
  if (context.measureText(text).width <= width) return text;
  const fits = (length: number) => context.measureText(leaveOut(text, length, cut)).width <= width;
  let low = 0;
  let high = text.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low < 2 ? "" : leaveOut(text, low, cut);
}

/** So many of its letters. */
function leaveOut(text: string, length: number, cut: Cut): string {
  const head = cut === "end" ? length : Math.ceil(length * 0.6);
  return `${text.slice(0, head)}…${text.slice(text.length - (length - head))}`;
}
