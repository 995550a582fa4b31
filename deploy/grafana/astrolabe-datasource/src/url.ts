import { config } from '@grafana/runtime';

/**
 * Where the stream of a data source is: below Grafana's own address, whose proxy forwards it, or, when browsers are
 * to ask Astrolabe themselves, there.
 */
export function endpoint(url: string): string {
  const root = /^https?:/.test(url) ? url : `${window.location.origin}${config.appSubUrl ?? ''}${url}`;
  return `${root.replace(/^http/, 'ws').replace(/\/+$/, '')}/api/v1/ws`;
}
