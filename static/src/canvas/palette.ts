import type { Status } from "@astrolabe/stream";

/** The colours of the page, from its style sheet, for the canvas. */
export interface Palette {
  readonly ground: string;
  readonly hall: string;
  readonly room: string;
  readonly card: string;
  readonly line: string;
  readonly edge: string;
  readonly ink: string;
  readonly faint: string;
  readonly accent: string;
  readonly statuses: Readonly<Record<Status, string>>;
  readonly onStatus: string;
  readonly font: string;
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ground: colour("ground"),
    hall: colour("hall"),
    room: colour("room"),
    card: colour("card"),
    line: colour("line"),
    edge: colour("edge"),
    ink: colour("ink"),
    faint: colour("faint"),
    accent: colour("accent"),
    statuses: {
      Error: colour("error"),
      Pending: colour("pending"),
      Unknown: colour("unknown"),
      Ready: colour("ready"),
    },
    onStatus: colour("on-status"),
    font: style.fontFamily,
  };
}
