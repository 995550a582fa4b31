import { ProblemSort } from '@astrolabe/stream';
import { DataSourceJsonData } from '@grafana/data';
import { DataQuery } from '@grafana/schema';

export const QUERY_TYPES = ['topology', 'problems', 'resources', 'counts', 'changes'] as const;

export type QueryType = (typeof QUERY_TYPES)[number];

/**
 * What a panel shows: a part of the graph, in one of five shapes. Lists and texts may hold template variables.
 *
 * `limit`: nodes of a topology above which resources are drawn together; rows of a list of problems or
 * changes.
 * `focus`: of a topology, only what is broken and what depends on it. There, and for problems, `status` is that of the
 * problems, and does not narrow the part. `sort`: the order of problems.
 */
export interface AstrolabeQuery extends DataQuery {
  queryType?: QueryType;
  cluster?: readonly string[];
  namespace?: readonly string[];
  release?: readonly string[];
  kind?: readonly string[];
  status?: readonly string[];
  selector?: string;
  text?: string;
  limit?: number;
  focus?: boolean;
  sort?: ProblemSort;
}

export const DEFAULT_QUERY: Partial<AstrolabeQuery> = { queryType: 'topology' };

/** Nodes of a topology, and rows of the lists, unless the query says otherwise. */
export const LIMITS = { topology: 200, problems: 100, changes: 100 };

/** Whether a query is about the problems of its part of the graph, not about the whole part. */
export function seeksProblems({ queryType = 'topology', focus = false }: AstrolabeQuery): boolean {
  return queryType === 'problems' || (queryType === 'topology' && focus);
}

export interface AstrolabeOptions extends DataSourceJsonData {
  /** Of the header that Grafana's proxy adds; its value is a secret that Grafana keeps. */
  httpHeaderName1?: string;
  /** Whether Grafana's proxy adds the OAuth token of whoever is signed in. The header above would replace it. */
  oauthPassThru?: boolean;
  /** Whether Grafana's proxy verifies by the authority that it keeps. */
  tlsAuthWithCACert?: boolean;
  tlsSkipVerify?: boolean;
}

export interface AstrolabeSecrets {
  httpHeaderValue1?: string;
  tlsCACert?: string;
}
