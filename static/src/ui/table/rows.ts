import { useEffect, useMemo, useRef, useState } from "preact/hooks";

/** Milliseconds between two looks at what has changed, so that a long table leaves time for the rest. */
const EVERY = 1_000;

/** What `make` makes: at once for another key, otherwise once a second. */
export function useRefreshed<T>(key: string, make: () => T): T {
  const [beat, setBeat] = useState(0);
  const latest = useRef(make);
  latest.current = make;
  useEffect(() => {
    const timer = setInterval(() => setBeat((count) => count + 1), EVERY);
    return () => clearInterval(timer);
  }, []);
  return useMemo(() => latest.current(), [key, beat]);
}

/** Pixels. All rows are equally high, so that only those in view need to exist. */
export const ROW = 30;
const BEYOND = 12;

/** The rows that are in view of a scrolled element, and somewhat more. */
export function useWindow(count: number): {
  readonly from: number;
  readonly to: number;
  readonly box: { current: HTMLElement | null };
  readonly onScroll: () => void;
} {
  const box = useRef<HTMLElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(800);
  useEffect(() => {
    if (box.current === null) return undefined;
    const element = box.current;
    const sizes = new ResizeObserver(() => setHeight(element.clientHeight));
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  const from = Math.max(0, Math.min(Math.floor(top / ROW) - BEYOND, count - 1));
  const to = Math.min(count, Math.ceil((top + height) / ROW) + BEYOND);
  return { from, to, box, onScroll: () => setTop(box.current?.scrollTop ?? 0) };
}
