import { useEffect, useRef, useState } from "preact/hooks";
import { Canvas } from "../canvas/canvas";
import { total } from "../cluster/counts";
import type { Page } from "../state/page";
import type { Viewer } from "../state/viewer";
import { Overview } from "./overview/overview";
import { TableView } from "./table/table";
import { THEME_CHANGED } from "./theme-switch";

const DIRECTIONS: Readonly<Record<string, { x: number; y: number }>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** The picture, and the controls that move it. */
export function MapView({ viewer, page }: { viewer: Viewer; page: Page }) {
  const container = useRef<HTMLDivElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const [canvas, setCanvas] = useState<Canvas | null>(null);
  useEffect(() => {
    if (container.current === null || overlay.current === null) return undefined;
    const made = new Canvas(container.current, overlay.current, {
      picked: (id) => viewer.select(id),
      toggled: (id) => viewer.toggle(id),
      moved: (camera) => viewer.moved(camera),
    });
    setCanvas(made);
    viewer.attach(made);
    return follow(made, container.current);
  }, [viewer]);

  const selected = page.selection?.card ?? null;
  const press = (event: KeyboardEvent) => {
    if (canvas === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = DIRECTIONS[event.key];
    const acts: Record<string, () => void> = {
      Enter: () => selected !== null && viewer.toggle(selected),
      "+": () => canvas.zoomBy(1.3),
      "-": () => canvas.zoomBy(1 / 1.3),
      f: () => canvas.fit(),
      t: () => viewer.tidy(),
    };
    const act = direction ? () => viewer.walk(canvas.next(selected, direction) ?? selected) : acts[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };

  const isCovered = page.overview !== null || (page.view.table !== null && page.view.focus === null);
  return (
    <div class="map">
      {page.view.focus === null && <TableView viewer={viewer} page={page} />}
      <Overview viewer={viewer} page={page} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: its role is among the attributes */}
      <div class="picture" {...PICTURE} inert={isCovered} onKeyDown={press}>
        <div class="shapes __________cytoscape_container" ref={container} />
        <canvas class="writing" ref={overlay} aria-hidden="true" />
      </div>
      <p class="visually-hidden" aria-live="polite">
        {spoken(page)}
      </p>
      <div class="tools" hidden={isCovered} role="toolbar" aria-label="Map">
        <Tool label="Zoom in" path="M0-5V5M-5 0H5" act={() => canvas?.zoomBy(1.3)} />
        <Tool label="Zoom out" path="M-5 0H5" act={() => canvas?.zoomBy(1 / 1.3)} />
        <Tool label="Show all" path="M-6-2V-6H-2M2-6H6V-2M6 2V6H2M-2 6H-6V2" act={() => canvas?.fit()} />
        <Tool label="Tidy up" path="M-6-5H6M-6 0H2M-6 5H4" act={() => viewer.tidy()} />
        {page.open.size > 0 && page.view.focus === null && (
          <Tool label="Collapse all" path="M-5-1 0-6 5-1M-5 6 0 1 5 6" act={() => viewer.closeAll()} />
        )}
      </div>
    </div>
  );
}

const LABEL =
  "Map of the cluster. Arrow keys move between cards, Enter opens or closes one, plus and minus zoom, F shows all.";

/** Arrow keys move over the cards. */
const PICTURE = { role: "application", tabIndex: 0, "aria-label": LABEL } as const;

function Tool({ label, path, act }: { label: string; path: string; act: () => void }) {
  return (
    <button type="button" aria-label={label} title={label} onClick={act}>
      <svg viewBox="-9 -9 18 18" aria-hidden="true">
        <path d={path} />
      </svg>
    </button>
  );
}

/** Keep up with the size and the colours of the page. */
function follow(canvas: Canvas, container: HTMLElement): () => void {
  const sizes = new ResizeObserver(() => canvas.resize());
  sizes.observe(container);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => canvas.repaint();
  dark.addEventListener("change", repaint);
  document.addEventListener(THEME_CHANGED, repaint);
  return () => {
    sizes.disconnect();
    dark.removeEventListener("change", repaint);
    document.removeEventListener(THEME_CHANGED, repaint);
  };
}

/** The selected card in words, for screen readers. */
function spoken({ selection, scene }: Page): string {
  const card = scene.cards.get(selection?.card ?? "");
  if (card === undefined) return "";
  const number = total(card.counts) > 1 ? `, ${total(card.counts)} resources` : "";
  return `${card.kind} ${card.title}${number}: ${card.status} ${card.reason}`;
}
