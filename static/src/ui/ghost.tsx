import type { Node } from "@astrolabe/stream";
import type { Card } from "../cluster/cards";
import { clusterIn, nameOf, withoutCluster } from "../cluster/names";
import type { Viewer } from "../state/viewer";
import { Glyph } from "./glyph";
import { NodeLink } from "./node-link";

/** An object that does not exist: the resources that refer to it, and the fields. */
export function Ghost({ viewer, about }: { viewer: Viewer; about: Card }) {
  const id = about.id.slice("ghost|".length);
  const references = [...viewer.graph.nodes.values()].flatMap((node) =>
    (node.unresolved ?? [])
      .filter((each) => nameOf({ ...each, cluster: node.cluster ?? "" }) === id)
      .map((each) => ({ node, each })),
  );
  return (
    <>
      <header>
        <p class="kind">{about.kind}</p>
        <h2>{about.title}</h2>
        <p class="state error">
          <Glyph status="Error" /> <strong>Does not exist</strong> in{" "}
          {[clusterIn(id), about.namespace].filter(Boolean).join(" / ") || "the cluster"}
        </p>
      </header>
      <h3>Referenced by</h3>
      <ul class="edges">
        {references.map(({ node, each }) => (
          <li key={node.uid + each.field}>
            <Referrer viewer={viewer} node={node} />
            <code>{each.field}</code>
          </li>
        ))}
      </ul>
    </>
  );
}

const Referrer = ({ viewer, node }: { viewer: Viewer; node: Node }) => (
  <NodeLink viewer={viewer} node={node} />
);

/** The selected resource has been deleted. */
export function Gone({ title }: { title: string }) {
  const [kind, namespace, name] = title.includes("|") ? [] : withoutCluster(title).split("/");
  const place = [clusterIn(title), namespace].filter(Boolean).join(" / ");
  return (
    <>
      <header>
        <p class="kind">{kind ?? "Gone"}</p>
        <h2>{name ?? title.split("|").at(-1)}</h2>
      </header>
      <p class="message">
        Not found{place ? ` in ${place}` : ""}. It may have been deleted or replaced under another name, or it
        is not watched. If it appears, it is shown here.
      </p>
    </>
  );
}
