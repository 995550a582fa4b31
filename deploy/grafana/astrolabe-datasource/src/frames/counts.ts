import { createDataFrame, DataFrame, FieldColorModeId, FieldType } from '@grafana/data';
import { Node, Status } from '@astrolabe/stream';
import { COLOURS, LISTED_STATUSES } from '../topology/appearance';

type Point = { time: number } & Record<Status, number>;

/** Points that are kept of a series; then every second one of the older half goes. */
const MOST = 2000;

/** How many nodes there were of each status, over time, as far as it was looked at. */
export class Counts {
  private points: Point[] = [];

  /** `time`: milliseconds since 1970. */
  add(nodes: ReadonlyMap<string, Node>, time: number): void {
    const point: Point = { time, Ready: 0, Pending: 0, Error: 0, Unknown: 0 };
    nodes.forEach((node) => {
      point[node.status as Status]++;
    });
    this.points.push(point);
    if (this.points.length > MOST) {
      this.points = this.points.filter((_, index) => index >= MOST / 2 || index % 2 === 0);
    }
  }

  frame(refId: string): DataFrame {
    const { points } = this;
    return createDataFrame({
      name: 'counts',
      refId,
      fields: [
        { name: 'time', type: FieldType.time, values: points.map((point) => point.time), config: {} },
        ...LISTED_STATUSES.map((status) => ({
          name: status,
          type: FieldType.number,
          values: points.map((point) => point[status]),
          config: { color: { mode: FieldColorModeId.Fixed, fixedColor: COLOURS[status] }, decimals: 0 },
        })),
      ],
    });
  }
}
