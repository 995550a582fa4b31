import type { ClusterState, ClusterName as Name } from "@astrolabe/stream";
import type { Page } from "../state/page";
import { calledOf } from "../state/trust";
import type { Viewer } from "../state/viewer";

/** Of which cluster all this is; of several, a choice among them. */
export function ClusterName({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { cluster, clusters, view } = page;
  if (clusters.length > 1 || view.cluster !== "") return <Switcher viewer={viewer} page={page} />;
  return <TheOne cluster={cluster} />;
}

function TheOne({ cluster }: { cluster: Name | null }) {
  const called = calledOf(cluster);
  if (cluster === null || called === "") return null;
  const { name, context, server } = cluster;
  const rest = [context, server].filter((each) => each && each !== called);
  const all = [name && `Cluster ${name}`, context && `Context ${context}`, server && `Server ${server}`];
  return (
    <p class="cluster" title={all.filter(Boolean).join("\n")}>
      <strong>{called}</strong>
      {rest.length > 0 && <small>{rest.join(" · ")}</small>}
    </p>
  );
}

/** All clusters at once, or one of them. */
function Switcher({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { clusters, view } = page;
  const isKnown = view.cluster === "" || clusters.some(({ name }) => name === view.cluster);
  return (
    <div class="cluster">
      <small aria-hidden="true">Cluster</small>
      <select
        aria-label="Cluster"
        value={view.cluster}
        onChange={(event) => viewer.showCluster(event.currentTarget.value)}
      >
        <option value="">{clusters.length > 0 ? `All ${clusters.length} clusters` : "All clusters"}</option>
        {!isKnown && <option value={view.cluster}>{view.cluster}</option>}
        {clusters.map((each) => (
          <option key={each.name} value={each.name}>
            {titleOf(each)}
          </option>
        ))}
      </select>
    </div>
  );
}

/** `prod-eu`, or `prod-eu (stale)`. */
const titleOf = ({ name, state }: ClusterState): string => (state === "live" ? name : `${name} (${state})`);
