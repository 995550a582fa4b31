import { useEffect, useRef } from "preact/hooks";
import type { Page } from "../state/page";
import type { Viewer } from "../state/viewer";
import { Ghost, Gone } from "./ghost";
import { Resource } from "./resource";
import { Several } from "./several";

/** The details of what is selected. */
export function Details({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { selection } = page;
  const panel = useRef<HTMLElement>(null);
  const picked = page.view.selected;
  useEffect(() => panel.current?.scrollTo(0, 0), [picked]);
  if (selection === null) return null;
  return (
    <aside class="details" aria-label="Details" ref={panel}>
      <button type="button" class="close" aria-label="Close details" onClick={() => viewer.select(null)}>
        <svg viewBox="-8 -8 16 16" aria-hidden="true">
          <path d="M-4-4 4 4M4-4-4 4" />
        </svg>
      </button>
      {selection.form === "resource" && (
        <Resource viewer={viewer} node={selection.node} card={selection.card} />
      )}
      {selection.form === "several" && <Several viewer={viewer} page={page} about={selection.about} />}
      {selection.form === "ghost" && <Ghost viewer={viewer} about={selection.about} />}
      {selection.form === "gone" && <Gone title={selection.title} />}
    </aside>
  );
}
