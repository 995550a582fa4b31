import { Status } from '@astrolabe/stream';

/** Where a kind stands when the graph is drawn, from left to right, and its icon; the server says which is where. */
export const LAYERS = [
  'ingress',
  'service',
  'workload',
  'run',
  'pod',
  'configuration',
  'storage',
  'policy',
  'cluster',
] as const;

export type Layer = (typeof LAYERS)[number];

/** As `/api/v1/kinds` has them. */
export interface Kind {
  kind: string;
  layer: Layer;
}

/** The layer of each kind by name. */
export type Layers = ReadonlyMap<string, Layer>;

export function layersOf(kinds: Kind[]): Layers {
  return new Map(kinds.map(({ kind, layer }) => [kind, LAYERS.includes(layer) ? layer : 'cluster']));
}

/** Names of Grafana's icons. */
export const ICONS: Record<Layer, string> = {
  ingress: 'globe',
  service: 'sitemap',
  workload: 'layer-group',
  run: 'process',
  pod: 'cube',
  configuration: 'file-alt',
  storage: 'database',
  policy: 'shield',
  cluster: 'cog',
};

/** In the order in which panels list them. */
export const LISTED_STATUSES: readonly Status[] = ['Ready', 'Pending', 'Error', 'Unknown'];

/** As Grafana names its colours. */
export const COLOURS: Record<string, string> = { Ready: 'green', Pending: 'yellow', Error: 'red', Unknown: 'gray' };
