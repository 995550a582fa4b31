import { createDataFrame, DataFrame, FieldType } from '@grafana/data';
import { NodeChange } from '../stream/graph';
import { Node } from '../stream/message';
import { STATUS_MAPPINGS } from './resources';

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
  add(changes: NodeChange[], time: number): void {
    const rows = changes.flatMap((change) => rowOf(change, time) ?? []);
    this.rows = [...rows, ...this.rows].slice(0, MOST);
  }

  frame(refId: string, limit: number): DataFrame {
    const rows = this.rows.slice(0, limit);
    const text = (name: string, value: (row: Row) => string | undefined) => ({
      name,
      type: FieldType.string,
      values: rows.map((row) => value(row) ?? ''),
      config: {},
    });
    const status = (name: string, value: (row: Row) => string) => ({
      ...text(name, value),
      config: { mappings: STATUS_MAPPINGS },
    });
    return createDataFrame({
      name: 'changes',
      refId,
      meta: { preferredVisualisationType: 'table' },
      fields: [
        { name: 'time', type: FieldType.time, values: rows.map((row) => row.time), config: {} },
        text('change', (row) => row.change),
        status('was', (row) => row.was),
        status('status', (row) => (row.change === 'gone' ? '' : row.node.status)),
        text('kind', (row) => row.node.kind),
        text('namespace', (row) => row.node.namespace),
        text('name', (row) => row.node.name),
        text('reason', (row) => row.node.reason),
        text('message', (row) => row.node.message),
        text('release', (row) => row.node.release),
      ],
    });
  }
}

function rowOf({ before, after }: NodeChange, time: number): Row | null {
  if (after && before) {
    return { time, change: 'changed', was: before.status, node: after };
  }
  if (after) {
    return { time, change: 'new', was: '', node: after };
  }
  return before ? { time, change: 'gone', was: before.status, node: before } : null;
}
