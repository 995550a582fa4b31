import { EVERYTHING, isEverything } from "../cluster/filter";
import type { Page } from "../state/page";
import { isGrowing } from "../state/trust";
import { scopeOf } from "../state/url";
import type { Viewer } from "../state/viewer";
import { sentence } from "./sentence";

/** By the server's word. */
const REFUSALS: Readonly<Record<string, string>> = {
  "bad-filter": "The server rejects the filter in this address",
  "forbidden-origin": "The server does not accept this page's origin",
  misdirected: "The server does not answer for this host",
};

/** Notices in place of the picture, or over it, if it is empty or not up to date. */
export function Notices({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { connection, loaded, nodes, view } = page;
  if (connection.state === "refused") {
    return (
      <Notice title={REFUSALS[connection.error] ?? "The server rejects this page"}>
        <p class="reason">{sentence(connection.reason)}</p>
        {Object.keys(scopeOf(view)).length > 0 && (
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
        <p>{lost ? "Reconnecting automatically." : "Waiting for the first data."}</p>
      </Notice>
    );
  }
  if (viewer.graph.nodes.size === 0 && page.trust.level !== "live") {
    return <Empty page={page} />;
  }
  if (viewer.graph.nodes.size === 0 && page.trust.coverage !== null) {
    return (
      <Notice title="There is nothing that you may see">
        <p>
          You see here what you may <code>list</code> in Kubernetes. Either that is nothing, or there is
          nothing in it. <code>kubectl auth can-i --list</code> tells what you may do. Ask whoever runs the
          cluster for a role.
        </p>
      </Notice>
    );
  }
  if (viewer.graph.nodes.size === 0) {
    return (
      <Notice title="No resources yet">
        <p>
          Astrolabe shows resources that Helm manages and what belongs to them. To show everything, start it
          with <code>--label-selector=</code>. See which kinds are watched:{" "}
          {page.signedIn ? <code>/health</code> : <a href="health">health</a>}.
        </p>
      </Notice>
    );
  }
  if (nodes === 0 && view.focus === null && !isEverything(view.filter)) {
    return (
      <Notice title="No resources match these filters">
        <button type="button" class="primary" onClick={() => viewer.setFilter(EVERYTHING)}>
          Clear filters
        </button>
      </Notice>
    );
  }
  if (page.updated) {
    return (
      <p class="updated" role="status">
        Astrolabe has been updated. <a href={location.href}>Reload the page</a>
      </p>
    );
  }
  return null;
}

/** Nothing is known, which does not mean that there is nothing. */
function Empty({ page }: { page: Page }) {
  const { trust } = page;
  if (isGrowing(trust)) {
    return (
      <Notice title="Astrolabe is still reading the cluster…" busy>
        <p>No resources so far.</p>
      </Notice>
    );
  }
  return (
    <Notice title="No information about the cluster">
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
