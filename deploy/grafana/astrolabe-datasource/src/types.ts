import { DataSourceJsonData } from '@grafana/data';
import { DataQuery } from '@grafana/schema';

export const QUERY_TYPES = ['topology', 'resources', 'counts', 'changes'] as const;

export type QueryType = (typeof QUERY_TYPES)[number];

/**
 * What a panel shows: a part of the graph, in one of four shapes. Lists and texts may hold template variables.
 *
 * `limit`: nodes of a topology above which resources are drawn together; rows of a list of changes.
 */
export interface AstrolabeQuery extends DataQuery {
  queryType?: QueryType;
  namespace?: string[];
  release?: string[];
  kind?: string[];
  status?: string[];
  selector?: string;
  text?: string;
  limit?: number;
}

export const DEFAULT_QUERY: Partial<AstrolabeQuery> = { queryType: 'topology' };

/** Nodes of a topology, and rows of a list of changes, unless the query says otherwise. */
export const LIMITS = { topology: 200, changes: 100 };

export interface AstrolabeOptions extends DataSourceJsonData {
  /** Of the header that Grafana's proxy adds; its value is a secret that Grafana keeps. */
  httpHeaderName1?: string;
  tlsSkipVerify?: boolean;
}

export interface AstrolabeSecrets {
  httpHeaderValue1?: string;
}
