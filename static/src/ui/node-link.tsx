import type { Node } from "@astrolabe/stream";
import { nameOf } from "../cluster/names";
import type { Viewer } from "../state/viewer";
import { Glyph } from "./glyph";

/** A resource in a list; a press selects it and shows where it is. */
export function NodeLink({ viewer, node }: { viewer: Viewer; node: Node }) {
  return (
    <button type="button" data-item class="node-link" onClick={() => viewer.find(node, nameOf(node))}>
      <Glyph status={node.status} label={node.status} />
      <abbr title={node.kind}>{viewer.graph.kinds.of(node.kind).abbreviation}</abbr>
      <span class="name">{node.name}</span>
      {node.status !== "Ready" && <span class={`reason ${node.status.toLowerCase()}`}>{node.reason}</span>}
    </button>
  );
}
