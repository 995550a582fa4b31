/** The icon of the tab: which of many tabs says that something is broken, or that it does not know. */

import { isOld, type Trust } from "./trust";

/** broken: there are problems. well: it is certain that there are none. old: nothing is known any more. unsure: the rest. */
export type Light = "broken" | "well" | "old" | "unsure";

/** clear: it is known that nothing is broken. */
export function lightOf(trust: Trust, clear: boolean, problems: number): Light {
  if (isOld(trust)) return "old";
  if (problems > 0) return "broken";
  return clear ? "well" : "unsure";
}

const INK = "#3d5afe";
/** Not by colour alone: a cross, a tick, a question mark. */
const MARKS: Readonly<Record<Light, string>> = {
  broken: disc("#c4262e", "M-3-3 3 3M3-3-3 3"),
  well: disc("#1c7446", "M-3.6 .4-1 3 3.8-3"),
  old: disc("#536072", "M-2-2.2C-2-5 2.6-5 2.4-2 2.2-.4 0-.2 0 1.6M0 4V4.2"),
  unsure: "",
};

function disc(colour: string, sign: string): string {
  return `<g transform="translate(22 22)"><circle r="9" fill="${colour}" stroke="#fff" stroke-width="1.5"/><path d="${sign}" stroke="#fff"/></g>`;
}

/** As an address; the page's policy allows images in addresses. */
export function iconOf(light: Light): string {
  const lines = light === "old" ? "#8a94a3" : INK;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="${lines}" stroke-width="2.4" stroke-linecap="round">` +
    `<circle cx="16" cy="17" r="12"/><circle cx="16" cy="14" r="6.5"/><path d="M16 5V2M6.5 24.5 23 10"/>${MARKS[light]}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
