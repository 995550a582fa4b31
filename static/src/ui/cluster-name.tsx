import type { ClusterName as Name } from "@astrolabe/stream";
import { calledOf } from "../state/trust";

/** Of which cluster all this is. */
export function ClusterName({ cluster }: { cluster: Name | null }) {
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
