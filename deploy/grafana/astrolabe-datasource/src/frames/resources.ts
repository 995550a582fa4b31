import { DataFrame } from '@grafana/data';
import { Node, severity } from '@astrolabe/stream';
import { replicas } from '../topology/frames';
import { status, tableFrame, text, time } from './table';

/** A table: one row a resource, the worst first. */
export function resourcesFrame(nodes: ReadonlyMap<string, Node>, refId: string): DataFrame {
  const rows = [...nodes.values()].sort(
    (one, other) => severity(other.status) - severity(one.status) || orderOf(one).localeCompare(orderOf(other))
  );
  return tableFrame('resources', refId, rows, [
    status('status', 'Status', (node) => node.status),
    time('since', 'Since', (node) => node.since),
    text('kind', 'Kind', (node) => node.kind),
    text('namespace', 'Namespace', (node) => node.namespace),
    text('name', 'Name', (node) => node.name),
    text('reason', 'Reason', (node) => node.reason),
    text('message', 'Why', (node) => node.message),
    text('release', 'Release', (node) => node.release),
    text('chart', 'Chart', (node) => node.chart),
    text('ready', 'Ready', replicas),
    text('node', 'Node', (node) => node.metadata?.nodeName as string),
    text('image', 'Image', (node) => node.metadata?.image as string),
    time('created', 'Created', (node) => node.metadata?.creationTimestamp),
    text('uid', 'UID', (node) => node.uid),
  ]);
}

function orderOf({ namespace = '', kind, name }: Node): string {
  return `${namespace}/${kind}/${name}`;
}
