import type { Problem } from "@astrolabe/stream";
import { useRef, useState } from "preact/hooks";

/**
 * shown: the rows. waiting: how many more there are, until `release`. The other functions are for the list's events.
 */
export interface HeldList {
  readonly shown: readonly Problem[];
  readonly waiting: number;
  readonly release: () => void;
  readonly enter: () => void;
  readonly leave: () => void;
  readonly focus: () => void;
  readonly blur: (event: FocusEvent) => void;
}

/**
 * While the pointer or the focus is in the list, rows keep their places: nobody clicks on what has just moved. What is
 * new waits, and what is gone stays as ended. view: another text for another list, which is shown at once.
 */
export function useHeldList(problems: readonly Problem[], view: string): HeldList {
  const [isOver, setOver] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const held = useRef<{ view: string; rows: readonly Problem[] }>({ view, rows: [] });
  const [, redraw] = useState(0);
  if (held.current.view !== view || !(isOver || isFocused)) held.current = { view, rows: problems };
  const now = new Map(problems.map((problem) => [problem.id, problem]));
  const rows = held.current.rows.map((row) => now.get(row.id) ?? asEnded(row));
  held.current = { view, rows };
  const known = new Set(rows.map(({ id }) => id));
  return {
    shown: rows,
    waiting: problems.filter(({ id, ended }) => !known.has(id) && ended === undefined).length,
    release: () => {
      held.current = { view, rows: problems };
      redraw((count) => count + 1);
    },
    enter: () => setOver(true),
    leave: () => setOver(false),
    focus: () => setFocused(true),
    blur: ({ currentTarget, relatedTarget }) => {
      if (!(currentTarget as Element).contains(relatedTarget as globalThis.Node | null)) setFocused(false);
    },
  };
}

/** The server no longer lists it; when it ended is not known exactly. */
const asEnded = (problem: Problem): Problem =>
  problem.ended === undefined ? { ...problem, ended: "" } : problem;
