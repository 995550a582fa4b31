import { useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "../state/page";
import type { Viewer } from "../state/viewer";

/** The page as it is; the component is drawn again when it changes. */
export function usePage(viewer: Viewer): Page {
  const [page, setPage] = useState(viewer.page);
  useEffect(() => {
    setPage(viewer.page);
    return viewer.subscribe(() => setPage(viewer.page));
  }, [viewer]);
  return page;
}

/** The time now, in milliseconds since 1970, brought up to date every so often. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** Calls back when a press or the focus goes outside of the element with the returned reference. */
export function useOutside<T extends HTMLElement>(left: () => void): { current: T | null } {
  const inside = useRef<T>(null);
  const latest = useRef(left);
  latest.current = left;
  useEffect(() => {
    const check = (event: Event) => {
      if (!inside.current?.contains(event.target as globalThis.Node)) latest.current();
    };
    document.addEventListener("pointerdown", check);
    document.addEventListener("focusin", check);
    return () => {
      document.removeEventListener("pointerdown", check);
      document.removeEventListener("focusin", check);
    };
  }, []);
  return inside;
}

/** Up, Down, Home and End move between the buttons of a list. */
export function moveInList(event: KeyboardEvent): void {
  const list = event.currentTarget as HTMLElement;
  const items = [...list.querySelectorAll<HTMLElement>("[data-item]")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const targets: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: items.length - 1,
  };
  const target = items[targets[event.key] ?? -1];
  if (target === undefined) return;
  event.preventDefault();
  target.focus();
}
