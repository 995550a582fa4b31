import { type Node, STATUSES, severity } from "@astrolabe/stream";
import { useState } from "preact/hooks";
import type { Card } from "../cluster/cards";
import { total } from "../cluster/counts";
import { groupBy } from "../cluster/grouping";
import { clusterIn } from "../cluster/names";
import type { Page } from "../state/page";
import type { Viewer } from "../state/viewer";
import { Glyph } from "./glyph";
import { moveInList } from "./hooks";
import { NodeLink } from "./node-link";
import { Split } from "./split";

/** A stack, a release or a namespace: its resources and their statuses. */
export function Several({ viewer, page, about }: { viewer: Viewer; page: Page; about: Card }) {
  const nodes = about.members.flatMap((uid) => viewer.graph.nodes.get(uid) ?? []);
  const chart = nodes.find((node) => node.chart)?.chart;
  const open = page.open.has(about.id);
  const opens =
    about.form !== "namespace" &&
    about.form !== "cluster" &&
    (about.opens || open) &&
    page.view.focus === null;
  return (
    <>
      <header>
        <p class="kind">{about.form === "stack" ? `${about.kind} stack` : about.kind}</p>
        <h2>
          {about.title}
          {about.form === "stack" && <span class="times"> ×{total(about.counts)}</span>}
        </h2>
        <p class="where">
          {[
            about.form !== "cluster" && clusterIn(about.id),
            about.form !== "namespace" && about.namespace,
            chart,
          ]
            .filter(Boolean)
            .join(" · ")}
        </p>
      </header>
      <Split counts={about.counts} />
      <div class="actions">
        {opens && (
          <button type="button" class="primary" aria-expanded={open} onClick={() => viewer.toggle(about.id)}>
            {open ? "Collapse" : "Expand"}
          </button>
        )}
        {about.form === "stack" && about.status !== "Ready" && page.view.focus === null && (
          <button type="button" class="primary" onClick={() => viewer.focus(about)}>
            Path to cause
          </button>
        )}
        {about.form === "cluster" && page.view.cluster === "" && (
          <button type="button" class="primary" onClick={() => viewer.showCluster(about.title)}>
            Show only this
          </button>
        )}
        {about.form === "namespace" && about.namespace !== "" && (
          <button type="button" class="primary" onClick={() => only(viewer, page, about.namespace)}>
            Show only this
          </button>
        )}
      </div>
      <Members viewer={viewer} nodes={nodes} />
    </>
  );
}

function only(viewer: Viewer, page: Page, namespace: string): void {
  viewer.setFilter({ ...page.view.filter, namespaces: new Set([namespace]) });
}

/** The broken ones by name, the rest by kind. */
function Members({ viewer, nodes }: { viewer: Viewer; nodes: readonly Node[] }) {
  const broken = nodes.filter((node) => node.status !== "Ready");
  const well = nodes.filter((node) => node.status === "Ready");
  const kinds = [...groupBy(well, (node) => node.kind)].sort(
    ([, one], [, other]) => other.length - one.length,
  );
  const sorted = broken.toSorted((one, other) => severity(other.status) - severity(one.status));
  return (
    <>
      {STATUSES.filter((status) => sorted.some((node) => node.status === status)).map((status) => (
        <section key={status}>
          <h3>{status}</h3>
          <List viewer={viewer} nodes={sorted.filter((node) => node.status === status)} />
        </section>
      ))}
      {well.length > 0 && <h3>Ready</h3>}
      {kinds.map(([kind, some]) => (
        <details key={kind} class="members" open={nodes.length <= 12}>
          <summary>
            <Glyph status="Ready" /> {viewer.graph.kinds.counted(some.length, kind)}
          </summary>
          <List viewer={viewer} nodes={some} />
        </details>
      ))}
    </>
  );
}

const PAGE = 50;

function List({ viewer, nodes }: { viewer: Viewer; nodes: readonly Node[] }) {
  const [shown, setShown] = useState(PAGE);
  return (
    <>
      <ul class="edges" onKeyDown={moveInList}>
        {nodes.slice(0, shown).map((node) => (
          <li key={node.uid}>
            <NodeLink viewer={viewer} node={node} />
          </li>
        ))}
      </ul>
      {nodes.length > shown && (
        <button type="button" class="plain" onClick={() => setShown(shown + 4 * PAGE)}>
          {nodes.length - shown} more
        </button>
      )}
    </>
  );
}
