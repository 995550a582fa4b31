import { DataFrame } from '@grafana/data';
import { Column as KindColumn, columnText, columnTitle, Kinds, Node, severity } from '@astrolabe/stream';
import { replicas } from '../topology/frames';
import { clusterColumn, Column, flag, number, status, tableFrame, text, time } from './table';

/** What a table has of every kind: `nodeName` as Node, `replicas` as Ready. */
const OF_EVERY_KIND = new Set(['image', 'nodeName', 'replicas']);

/**
 * A table: one row per resource, the worst first. After the columns of every table come those that `/api/v1/kinds` has
 * for all kinds among the rows: a table of one kind shows all that its nodes have.
 */
export function resourcesFrame(nodes: ReadonlyMap<string, Node>, refId: string, kinds: Kinds): DataFrame {
  const rows = [...nodes.values()].sort(
    (one, other) => severity(other.status) - severity(one.status) || orderOf(one).localeCompare(orderOf(other))
  );
  return tableFrame('resources', refId, rows, [
    status('status', 'Status', (node) => node.status),
    time('since', 'Since', (node) => node.since),
    text('kind', 'Kind', (node) => node.kind),
    ...clusterColumn(rows, (node) => node.cluster),
    text('namespace', 'Namespace', (node) => node.namespace),
    text('name', 'Name', (node) => node.name),
    text('reason', 'Reason', (node) => node.reason),
    text('message', 'Why', (node) => node.message),
    text('release', 'Release', (node) => node.release),
    text('chart', 'Chart', (node) => node.chart),
    text('ready', 'Ready', replicas),
    text('node', 'Node', (node) => node.metadata?.nodeName as string),
    text('image', 'Image', (node) => node.metadata?.image as string),
    ...sharedColumns(rows, kinds).map(metadataColumn),
    time('created', 'Created', (node) => node.metadata?.creationTimestamp),
    text('uid', 'UID', (node) => node.uid),
  ]);
}

function sharedColumns(rows: readonly Node[], kinds: Kinds): KindColumn[] {
  const [first = [], ...others] = [...new Set(rows.map(({ kind }) => kind))].map((kind) => kinds.of(kind).columns);
  return first.filter(
    ({ name, type }) =>
      !OF_EVERY_KIND.has(name) &&
      others.every((columns) => columns.some((other) => other.name === name && other.type === type))
  );
}

function metadataColumn({ name, type, format, description }: KindColumn): Column<Node> {
  const key = `metadata.${name}`;
  const title = columnTitle(name);
  const value = (node: Node): unknown => node.metadata?.[name];
  const column =
    format === 'date-time'
      ? time(key, title, value)
      : type === 'integer' || type === 'number'
        ? number(key, title, (node: Node) => value(node) as number | undefined)
        : type === 'boolean'
          ? flag(key, title, (node: Node) => value(node) as boolean | undefined)
          : text(key, title, (node: Node) => (value(node) === undefined ? '' : columnText(value(node))));
  return { ...column, config: { ...(description && { description }) } };
}

function orderOf({ namespace = '', kind, name }: Node): string {
  return `${namespace}/${kind}/${name}`;
}
