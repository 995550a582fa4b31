import { ScopedVars } from '@grafana/data';
import { Filter } from '@astrolabe/stream';
import { AstrolabeQuery } from './types';

/** Replaces template variables; `format` makes a text of a variable's values. */
export type Replace = (text: string, scopedVars?: ScopedVars, format?: (value: unknown) => string) => string;

/** Whether it is what a variable says that is set to All. */
export function isAll(value: string): boolean {
  return value === '*' || value === '$__all';
}

/** The part of the graph that a query asks for, as a subscribe message has it. */
export function filterOf(query: AstrolabeQuery, replace: Replace, scopedVars: ScopedVars = {}): Filter {
  const list = (values: readonly string[] = []) => {
    const format = (value: unknown) => [value].flat().join(',');
    const found = values.flatMap((value) => replace(value, scopedVars, format).split(','));
    const trimmed = found.map((value) => value.trim()).filter((value) => value !== '');
    return trimmed.some(isAll) ? [] : [...new Set(trimmed)].sort();
  };
  const text = (value = '') => replace(value, scopedVars).trim();
  const filter = {
    cluster: list(query.cluster),
    namespace: list(query.namespace),
    release: list(query.release),
    kind: list(query.kind),
    status: list(query.status),
    selector: text(query.selector),
    q: text(query.text),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value.length > 0));
}
