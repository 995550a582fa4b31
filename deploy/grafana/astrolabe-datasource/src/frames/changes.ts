import { Change, Node } from '@astrolabe/stream';
import { DataFrame } from '@grafana/data';
import { clusterColumn, status, tableFrame, text, time } from './table';

interface Row {
  time: number;
  change: 'new' | 'changed' | 'gone';
  was: string;
  node: Node;
}

/** Rows that are kept. */
const MOST = 1000;

/** What happened lately, the latest first, as far as it was looked at. */
export class Changes {
  private rows: Row[] = [];

  /** `time`: when it happened, in milliseconds since 1970. */
  add(changes: readonly Change[], time: number): void {
    const rows = changes.flatMap((change) => rowOf(change, time) ?? []);
    this.rows = [...rows, ...this.rows].slice(0, MOST);
  }

  frame(refId: string, limit: number): DataFrame {
    const rows = this.rows.slice(0, limit);
    return tableFrame('changes', refId, rows, [
      time('time', 'Time', (row) => row.time),
      text('change', 'Change', (row) => row.change),
      status('was', 'Was', (row) => row.was),
      status('status', 'Status', (row) => (row.change === 'gone' ? '' : row.node.status)),
      text('kind', 'Kind', (row) => row.node.kind),
      ...clusterColumn(rows, (row) => row.node.cluster),
      text('namespace', 'Namespace', (row) => row.node.namespace),
      text('name', 'Name', (row) => row.node.name),
      text('reason', 'Reason', (row) => row.node.reason),
      text('message', 'Why', (row) => row.node.message),
      text('release', 'Release', (row) => row.node.release),
    ]);
  }
}

const WORDS = { '+': 'new', '~': 'changed', '-': 'gone' } as const;

function rowOf(change: Change, time: number): Row | null {
  if (!('node' in change)) {
    return null;
  }
  const { sign, node, before } = change;
  return { time, change: WORDS[sign], was: before?.status ?? '', node };
}
