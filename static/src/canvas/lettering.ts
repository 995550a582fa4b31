/** Text on the canvas: names in full or not at all, sentences cut to fit their space. */

const KNOWN_AT_MOST = 4_000;
/** How much smaller a name may be than what is around it, and how high a line is for its letters. */
const SHRUNK = [1, 0.9, 0.8];
const LINE = 1.18;
/** Pixels. Smaller letters are not drawn. */
const LEAST = 10;

interface Space {
  readonly x: number;
  /** The middle of the first line. */
  readonly y: number;
  readonly width: number;
}

export class Lettering {
  readonly #known = new Map<string, string>();
  readonly #names = new Map<string, { readonly size: number; readonly lines: readonly string[] }>();

  /** Draw a sentence from x on, cut at its end when it is wider than `width`. The context's font counts. */
  draw(context: CanvasRenderingContext2D, text: string, at: Space): void {
    context.fillText(this.#fit(context, text, at.width), at.x, at.y);
  }

  /**
   * Draw a name in full: somewhat smaller or in two lines, if need be; not at all where that is not enough, as a part
   * of a name is another name. height: of all that there is room for; 0: for one line. Returns how many lines it is.
   */
  drawName(context: CanvasRenderingContext2D, name: string, at: Space & { readonly height: number }): number {
    const font = context.font;
    const key = `${font}|${Math.round(at.width)}|${Math.round(at.height)}|${name}`;
    const known = this.#names.get(key) ?? arrange(context, name, at);
    if (this.#names.size > KNOWN_AT_MOST) this.#names.clear();
    this.#names.set(key, known);
    const { size, lines } = known;
    context.font = sized(font, size);
    for (const [index, line] of lines.entries()) context.fillText(line, at.x, at.y + index * size * LINE);
    context.font = font;
    return lines.length;
  }

  #fit(context: CanvasRenderingContext2D, text: string, width: number): string {
    const key = `${context.font}|${Math.round(width)}|${text}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fitted = shorten(context, text, width);
    if (this.#known.size > KNOWN_AT_MOST) this.#known.clear();
    this.#known.set(key, fitted);
    return fitted;
  }

  /** The font has been loaded: widths are others now. */
  forget(): void {
    this.#known.clear();
    this.#names.clear();
  }
}

const sizeOf = (font: string): number => Number(/([\d.]+)px/.exec(font)?.[1] ?? 12);
const sized = (font: string, size: number): string => font.replace(/[\d.]+px/, `${size}px`);

/** The largest letters with which all of it is in its space; no lines if there are none. */
function arrange(context: CanvasRenderingContext2D, name: string, at: { width: number; height: number }) {
  const font = context.font;
  const whole = sizeOf(font);
  const fits = (line: string) => context.measureText(line).width <= at.width;
  const tries = [1, 2].flatMap((lines) => SHRUNK.map((share) => ({ lines, size: whole * share })));
  const found = tries.flatMap(({ lines, size }) => {
    if (size < Math.min(LEAST, whole) || (lines > 1 && lines * size * LINE > at.height)) return [];
    context.font = sized(font, size);
    const broken = lines === 1 ? [name] : halves(name).find((two) => two.every(fits));
    return broken?.every(fits) ? [{ size, lines: broken }] : [];
  });
  context.font = font;
  return found[0] ?? { size: whole, lines: [] };
}

/** In two lines, after a hyphen or dot; the most even first. */
function halves(name: string): string[][] {
  const breaks = [...name.matchAll(/[-._/ ]/g)].map(({ index }) => index + 1);
  const middle = name.length / 2;
  return breaks
    .sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle))
    .map((at) => [name.slice(0, at), name.slice(at)]);
}

function shorten(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  const fits = (length: number) => context.measureText(`${text.slice(0, length)}…`).width <= width;
  let low = 0;
  let high = text.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low < 2 ? "" : `${text.slice(0, low)}…`;
}
