import type { Edge, Node } from "@astrolabe/stream";
import { groupBy } from "../cluster/grouping";
import { groupOf } from "../cluster/index";
import { kubectl } from "../cluster/names";
import type { Viewer } from "../state/viewer";
import { Copy } from "./copy";
import { Glyph } from "./glyph";
import { Metadata } from "./metadata";
import { Moment } from "./moment";
import { NodeLink } from "./node-link";

/** One resource: its status, what it is part of, and its relations. card: the card that shows it. */
export function Resource({ viewer, node, card }: { viewer: Viewer; node: Node; card: string | null }) {
  const stack = card === null ? undefined : viewer.stackAround(card);
  return (
    <>
      <header>
        <p class="kind">{node.kind}</p>
        <h2>{node.name}</h2>
        <p class={`state ${node.status.toLowerCase()}`}>
          <Glyph status={node.status} /> <strong>{node.status}</strong>
          {node.reason && node.reason !== node.status && <span>{node.reason}</span>}
          <Moment since={node.since} />
        </p>
      </header>
      {node.message && <p class="message">{node.message}</p>}
      <div class="actions">
        {node.status !== "Ready" && (
          <button type="button" class="primary" onClick={() => viewer.focus(node)}>
            Path to cause
          </button>
        )}
        <button
          type="button"
          class={node.status === "Ready" ? "primary" : "plain"}
          onClick={() => viewer.focusImpact(node)}
        >
          What depends on it
        </button>
        {stack !== undefined && (
          <button type="button" class="plain" onClick={() => viewer.toggle(stack)}>
            Collapse stack
          </button>
        )}
        <Copy text={() => kubectl(node, viewer.contextOf(node))}>Copy kubectl</Copy>
        <Copy text={() => location.href}>Copy link</Copy>
      </div>
      <Unresolved node={node} />
      <dl>
        <Row name="Cluster">{node.cluster}</Row>
        <Row name="Namespace">{node.namespace}</Row>
        {node.release && (
          <Row name="Release">
            <button type="button" class="link" onClick={() => viewer.select(groupOf(node))}>
              {node.release}
            </button>
          </Row>
        )}
        <Row name="Chart">{node.chart}</Row>
        <Metadata metadata={node.metadata ?? {}} kind={viewer.graph.kinds.of(node.kind)} />
      </dl>
      <Edges viewer={viewer} title="Needs" edges={[...viewer.graph.outgoing(node.uid)]} end="to" />
      <Edges viewer={viewer} title="Needed by" edges={[...viewer.graph.incoming(node.uid)]} end="from" />
      <Labels labels={node.labels ?? {}} />
      <p class="command">
        <code>{kubectl(node, viewer.contextOf(node))}</code>
      </p>
    </>
  );
}

function Row({ name, children }: { name: string; children: preact.ComponentChildren }) {
  if (!children) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Unresolved({ node }: { node: Node }) {
  if (node.unresolved === undefined) return null;
  return (
    <section class="unresolved">
      <h3>Missing references</h3>
      <ul>
        {node.unresolved.map((each) => (
          <li key={each.field}>
            <strong>
              {each.kind} {each.name}
            </strong>
            <code>{each.field}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Other ends that are listed at once; the rest is counted and opened on request. */
const AT_ONCE = 12;

function Edges(props: { viewer: Viewer; title: string; edges: readonly Edge[]; end: "from" | "to" }) {
  const { viewer, title, edges, end } = props;
  if (edges.length === 0) return null;
  const types = [...groupBy(edges, (edge) => edge.type)].sort(([one], [other]) => one.localeCompare(other));
  return (
    <section>
      <h3>
        {title} <span class="number">{edges.length}</span>
      </h3>
      {types.map(([type, some]) => (
        <EdgesOfType key={type} viewer={viewer} type={type} edges={some} end={end} />
      ))}
    </section>
  );
}

function EdgesOfType(props: { viewer: Viewer; type: string; edges: readonly Edge[]; end: "from" | "to" }) {
  const { viewer, type, edges, end } = props;
  const items = edges.map((edge) => <EdgeItem key={edge[end]} viewer={viewer} edge={edge} end={end} />);
  return (
    <div class="edge-type">
      <h4>{type}</h4>
      <ul class="edges">{items.slice(0, AT_ONCE)}</ul>
      {items.length > AT_ONCE && (
        <details>
          <summary>{items.length - AT_ONCE} more</summary>
          <ul class="edges">{items.slice(AT_ONCE)}</ul>
        </details>
      )}
    </div>
  );
}

function EdgeItem({ viewer, edge, end }: { viewer: Viewer; edge: Edge; end: "from" | "to" }) {
  const node = viewer.graph.nodes.get(edge[end]);
  if (node === undefined) return null;
  const here = viewer.graph.nodes.get(edge[end === "to" ? "from" : "to"]);
  return (
    <li>
      <NodeLink viewer={viewer} node={node} />
      {here?.cluster !== node.cluster && <span class="where">in cluster {node.cluster}</span>}
      {edge.field?.map((field) => (
        <code key={field}>{field}</code>
      ))}
    </li>
  );
}

function Labels({ labels }: { labels: Readonly<Record<string, string>> }) {
  const sorted = Object.entries(labels).sort(([one], [other]) => one.localeCompare(other));
  if (sorted.length === 0) return null;
  return (
    <section>
      <h3>Labels</h3>
      <ul class="labels">
        {sorted.map(([key, value]) => (
          <li key={key}>
            <span>{key}</span>={value}
          </li>
        ))}
      </ul>
    </section>
  );
}
