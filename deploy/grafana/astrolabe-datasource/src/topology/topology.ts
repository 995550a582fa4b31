import { Kinds, Layer } from '@astrolabe/stream';
import { DataFrame } from '@grafana/data';
import { draw } from './drawing';
import { topologyFrames } from './frames';
import { Layout } from './layout';
import { Aggregation } from './aggregation';
import { Part } from './part';

/** One drawing over time: what is drawn keeps its place. */
export class Topology {
  private readonly layout = new Layout();
  private aggregation: Aggregation = 'resource';

  constructor(
    private readonly kinds: Kinds,
    private readonly limit: number
  ) {}

  /** The frames of the graph as it is now. */
  frames(graph: Part, refId: string): DataFrame[] {
    const options = { limit: this.limit, current: this.aggregation, kinds: this.kinds };
    const drawing = draw(graph, options);
    this.aggregation = drawing.aggregation;
    const neighbours = new Map<string, Set<string>>();
    const spots = [...drawing.groups.values()].map(({ id, layer }) => spot(id, layer, neighbours));
    for (const { source, target } of drawing.links) {
      neighbours.get(source)!.add(target);
      neighbours.get(target)!.add(source);
    }
    return topologyFrames(drawing, this.layout.update(spots), refId);
  }
}

function spot(id: string, layer: Layer, neighbours: Map<string, Set<string>>) {
  const own = new Set<string>();
  neighbours.set(id, own);
  return { id, layer, neighbours: own };
}
