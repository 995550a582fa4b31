import { createDataFrame, DataFrame, FieldConfig, FieldType, MappingType, ValueMapping } from '@grafana/data';
import { COLOURS, LISTED_STATUSES } from '../topology/appearance';

/** A column of a table. `title`: as panels show it. */
export interface Column<Row> {
  name: string;
  title: string;
  type: FieldType;
  value: (row: Row) => unknown;
  config?: FieldConfig;
}

type Text<Row> = (row: Row) => string | null | undefined;

/** Statuses in their colours. */
const MAPPINGS: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(
      LISTED_STATUSES.map((status, index) => [status, { color: COLOURS[status], index, text: status }])
    ),
  },
];

export function tableFrame<Row>(name: string, refId: string, rows: Row[], columns: Array<Column<Row>>): DataFrame {
  return createDataFrame({
    name,
    refId,
    meta: { preferredVisualisationType: 'table' },
    fields: columns.map(({ name, title, type, value, config }) => ({
      name,
      type,
      values: rows.map(value),
      config: { displayName: title, ...config },
    })),
  });
}

/** The cluster of each row, where there are several. */
export function clusterColumn<Row>(rows: readonly Row[], value: Text<Row>): Array<Column<Row>> {
  return rows.some((row) => value(row)) ? [text('cluster', 'Cluster', value)] : [];
}

/** What is not known is empty. */
export function text<Row>(name: string, title: string, value: Text<Row>): Column<Row> {
  return { name, title, type: FieldType.string, value: (row) => value(row) ?? '' };
}

export function status<Row>(name: string, title: string, value: Text<Row>): Column<Row> {
  return { ...text(name, title, value), config: { mappings: MAPPINGS } };
}

/** `value`: milliseconds since 1970, or an RFC 3339 time; anything else is none. */
export function time<Row>(name: string, title: string, value: (row: Row) => unknown): Column<Row> {
  return { name, title, type: FieldType.time, value: (row) => millis(value(row)) };
}

export function number<Row>(name: string, title: string, value: (row: Row) => number | undefined): Column<Row> {
  return { name, title, type: FieldType.number, value: (row) => value(row) ?? null };
}

export function flag<Row>(name: string, title: string, value: (row: Row) => boolean | undefined): Column<Row> {
  return { name, title, type: FieldType.boolean, value: (row) => value(row) ?? null };
}

function millis(value: unknown): number | null {
  const found = typeof value === 'string' ? Date.parse(value) : value;
  return typeof found === 'number' && !Number.isNaN(found) ? found : null;
}
