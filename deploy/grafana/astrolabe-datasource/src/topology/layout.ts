import { Layer, LAYERS } from '@astrolabe/stream';

/** Pixels between places: a node is 80 to 120 wide and has two lines of text below it. */
export const COLUMN = 240;
export const ROW = 170;
/** Width to height of a panel, about. */
const ASPECT = 1.6;
/** A plan is for at least this many nodes, so that few are no reason to move. */
const FEWEST = 20;

/** What needs a place: an id, its layer, and the ids that it is linked with. */
export interface Spot {
  id: string;
  layer: Layer;
  neighbours: Iterable<string>;
}

interface Place {
  layer: Layer;
  column: number;
  row: number;
}

/**
 * Where what is drawn stands: layers from left to right, and a place that is kept, as the server's own layout.
 *
 * A place is given once, near the neighbours that have one, and kept as long as the node is drawn. Who comes later
 * takes a free place; who goes leaves one. All places are given anew when there are twice as many nodes as they
 * were planned for, or a quarter.
 */
export class Layout {
  private planned = 0;
  private rows = 1;
  private readonly grids = new Map<Layer, Grid>();
  private readonly places = new Map<string, Place>();

  /** x and y of each, in pixels; those who were there before stay where they are. */
  update(spots: Spot[]): Map<string, [number, number]> {
    const size = Math.max(spots.length, FEWEST);
    if (size < this.planned / 4 || size > this.planned * 2) {
      this.plan(spots);
    }
    const there = new Set(spots.map((spot) => spot.id));
    this.places.forEach(({ layer, column, row }, id) => {
      if (!there.has(id)) {
        this.places.delete(id);
        this.grids.get(layer)!.free(column, row);
      }
    });
    const newcomers = spots.filter((spot) => !this.places.has(spot.id));
    newcomers.sort((one, other) => LAYERS.indexOf(one.layer) - LAYERS.indexOf(other.layer));
    newcomers.forEach((spot) => this.place(spot));
    return new Map(spots.map(({ id }) => [id, this.position(this.places.get(id)!)]));
  }

  /** Columns for each layer, so that all of them together have about the shape of a panel. */
  private plan(spots: Spot[]): void {
    this.planned = Math.max(spots.length, FEWEST);
    const counts = LAYERS.map((layer) => spots.filter((spot) => spot.layer === layer).length);
    let widths: number[] = [];
    for (this.rows = 1; ; this.rows++) {
      widths = counts.map((count) => Math.max(1, Math.ceil(count / this.rows)));
      const width = widths.reduce((sum, each) => sum + each, 0) * COLUMN;
      if (width <= ASPECT * this.rows * ROW || this.rows >= spots.length) {
        break;
      }
    }
    this.places.clear();
    let first = 0;
    LAYERS.forEach((layer, index) => {
      this.grids.set(layer, new Grid(first, widths[index]));
      first += widths[index];
    });
  }

  private place({ id, layer, neighbours }: Spot): void {
    const rows = [...neighbours].flatMap((neighbour) => this.places.get(neighbour)?.row ?? []);
    const wanted = rows.length ? halfEven(rows.reduce((sum, row) => sum + row, 0) / rows.length) : 0;
    const [column, row] = this.grids.get(layer)!.take(Math.min(wanted, this.highest()));
    this.places.set(id, { layer, column, row });
  }

  /** A row beyond which nobody wants to be, so that places do not drift away. */
  private highest(): number {
    return Math.max(this.rows, ...[...this.grids.values()].map((grid) => grid.height));
  }

  private position({ layer, column, row }: Place): [number, number] {
    return [(this.grids.get(layer)!.first + column) * COLUMN, row * ROW];
  }
}

/** The places of one layer. `first`: its first column among all. */
class Grid {
  private readonly taken = new Map<number, Set<number>>();
  private count = 0;

  constructor(
    readonly first: number,
    private readonly width: number
  ) {}

  /** Rows that its nodes need at least. */
  get height(): number {
    return Math.ceil(this.count / this.width);
  }

  /** The column and row of the free place that is nearest to this row. */
  take(wanted: number): [number, number] {
    const row = this.nearest(wanted);
    const taken = this.taken.get(row) ?? new Set();
    let column = 0;
    while (taken.has(column)) {
      column++;
    }
    this.taken.set(row, taken.add(column));
    this.count++;
    return [column, row];
  }

  free(column: number, row: number): void {
    this.count--;
    this.taken.get(row)?.delete(column);
  }

  private nearest(wanted: number): number {
    const hasRoom = (row: number) => row >= 0 && (this.taken.get(row)?.size ?? 0) < this.width;
    for (let distance = 0; ; distance++) {
      if (hasRoom(wanted + distance)) {
        return wanted + distance;
      }
      if (hasRoom(wanted - distance)) {
        return wanted - distance;
      }
    }
  }
}

/** To the nearest whole number, from the middle to the even one, as Python does. */
function halfEven(value: number): number {
  const floor = Math.floor(value);
  const isMiddle = value - floor === 0.5;
  return isMiddle ? floor + (floor % 2) : Math.round(value);
}
