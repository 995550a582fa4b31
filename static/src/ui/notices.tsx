import { EVERYTHING, isEverything } from "../cluster/filter";
import { isGrowing } from "../state/trust";
import type { Page, Viewer } from "../state/viewer";
import { sentence } from "./sentence";

/** By the server's word. */
const REFUSALS: Readonly<Record<string, string>> = {
  "bad-filter": "The filter in this address is refused",
  "forbidden-origin": "The server takes this page for one of another site",
  misdirected: "The server does not answer for this host",
};

/** What is said in place of the picture, or over it, when that is not what it should be. */
export function Notices({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { connection, loaded, scene, view } = page;
  if (connection.state === "refused") {
    return (
      <Notice title={REFUSALS[connection.error] ?? "The server refuses this page"}>
        <p class="reason">{sentence(connection.reason)}</p>
        {Object.keys(view.scope).length > 0 && (
          <p>
            <a href={location.pathname}>Open it without filters</a>
          </p>
        )}
      </Notice>
    );
  }
  if (!loaded) {
    const lost = connection.state === "disconnected";
    return (
      <Notice title={lost ? "No connection" : "Receiving the cluster…"} busy={!lost}>
        <p>{lost ? "It is tried again by itself." : "The graph is on its way."}</p>
      </Notice>
    );
  }
  if (page.nodes === 0 && page.trust.level !== "live") {
    return <Empty page={page} />;
  }
  if (page.nodes === 0) {
    return (
      <Notice title="There is nothing to see yet">
        <p>
          Astrolabe shows what Helm manages and what belongs to that. <code>--label-selector=</code> shows
          everything. What is watched, and how far that is:{" "}
          {page.signedIn ? <code>/health</code> : <a href="health">health</a>}.
        </p>
      </Notice>
    );
  }
  if (scene.cards.size === 0 && view.focus === null && !isEverything(view.filter)) {
    return (
      <Notice title="Nothing matches these filters">
        <button type="button" class="primary" onClick={() => viewer.setFilter(EVERYTHING)}>
          Clear filters
        </button>
      </Notice>
    );
  }
  if (page.updated) {
    return (
      <p class="updated" role="status">
        Astrolabe has been updated. <a href={location.href}>Load the new page</a>
      </p>
    );
  }
  return null;
}

/** Nothing is known, which says little of what there is. */
function Empty({ page }: { page: Page }) {
  const { trust } = page;
  if (isGrowing(trust)) {
    return (
      <Notice title="Astrolabe is still reading the cluster…" busy>
        <p>Nothing of it is known so far.</p>
      </Notice>
    );
  }
  return (
    <Notice title="Nothing is known of the cluster">
      <p>{trust.why || "The server does not say why."}</p>
    </Notice>
  );
}

function Notice(props: { title: string; busy?: boolean; children: preact.ComponentChildren }) {
  return (
    <div class="notice" role="status" data-busy={props.busy ?? false}>
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}
