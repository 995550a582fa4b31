import { Layer, Status } from '@astrolabe/stream';

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

/** Names of Grafana's colours. */
export const COLOURS: Record<string, string> = { Ready: 'green', Pending: 'yellow', Error: 'red', Unknown: 'gray' };
