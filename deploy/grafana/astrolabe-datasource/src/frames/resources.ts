import { createDataFrame, DataFrame, FieldType, MappingType, ValueMapping } from '@grafana/data';
import { Node } from '../stream/message';
import { replicas } from '../topology/frames';
import { COLOURS, severity, STATUSES } from '../topology/kinds';

/** Statuses in their colours. */
export const STATUS_MAPPINGS: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(
      STATUSES.map((status, index) => [status, { color: COLOURS[status], index, text: status }])
    ),
  },
];

/** A table: one row a resource, the worst first. */
export function resourcesFrame(nodes: ReadonlyMap<string, Node>, refId: string): DataFrame {
  const rows = [...nodes.values()].sort(
    (one, other) => severity(one.status) - severity(other.status) || orderOf(one).localeCompare(orderOf(other))
  );
  const text = (name: string, value: (node: Node) => string | null | undefined) => ({
    name,
    type: FieldType.string,
    values: rows.map((node) => value(node) ?? ''),
    config: {},
  });
  const time = (name: string, value: (node: Node) => unknown) => ({
    name,
    type: FieldType.time,
    values: rows.map((node) => millis(value(node))),
    config: {},
  });
  return createDataFrame({
    name: 'resources',
    refId,
    meta: { preferredVisualisationType: 'table' },
    fields: [
      { ...text('status', (node) => node.status), config: { mappings: STATUS_MAPPINGS } },
      time('since', (node) => node.since),
      text('kind', (node) => node.kind),
      text('namespace', (node) => node.namespace),
      text('name', (node) => node.name),
      text('reason', (node) => node.reason),
      text('message', (node) => node.message),
      text('release', (node) => node.release),
      text('chart', (node) => node.chart),
      text('ready', replicas),
      text('node', (node) => node.metadata?.nodeName as string),
      text('image', (node) => node.metadata?.image as string),
      time('created', (node) => node.metadata?.creationTimestamp),
      text('uid', (node) => node.uid),
    ],
  });
}

function orderOf({ namespace = '', kind, name }: Node): string {
  return `${namespace}/${kind}/${name}`;
}

/** Of an RFC 3339 time; null when there is none. */
function millis(value: unknown): number | null {
  const time = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : time;
}
