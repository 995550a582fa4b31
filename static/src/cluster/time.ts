/** Times as people say them. */

const UNITS: readonly (readonly [number, string])[] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "m"],
  [1, "s"],
];

/** `3 m ago`, by milliseconds since 1970; `just now` within two seconds, and for what is yet to come. */
export function ago(then: number, now: number): string {
  const seconds = Math.floor((now - then) / 1000);
  if (seconds < 2) return "just now";
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

/** `3 m`. */
export const lasting = (then: number, now: number): string => ago(then, now).replace(/ ago$/, "");

/** The local time, `14:03:10`, with the date when that is not today's. */
export function clock(then: number, now: number): string {
  const date = new Date(then);
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date(now).toDateString() ? time : `${dayOf(date)} ${time}`;
}

const dayOf = (date: Date): string =>
  date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
