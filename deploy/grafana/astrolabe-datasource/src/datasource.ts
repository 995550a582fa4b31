import { Caller, Filter, Kind, Kinds, ProbeResult, ServerState } from '@astrolabe/stream';
import {
  CoreApp,
  DataFrame,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceApi,
  DataSourceInstanceSettings,
  LegacyMetricFindQueryOptions,
  LoadingState,
  MetricFindValue,
  ScopedVars,
  TestDataSourceResponse,
} from '@grafana/data';
import { getBackendSrv, getTemplateSrv, isFetchError } from '@grafana/runtime';
import { EMPTY, from, lastValueFrom, map, merge, Observable, switchMap, tap } from 'rxjs';
import { filterOf, isAll } from './filter';
import { idleOf } from './idle';
import { LiveGraph, Update } from './live';
import { Memory } from './memory';
import { pace } from './pace';
import { askedBy, AskedProblems, chosen, LiveProblems, ProblemUpdate, withProblems } from './problems';
import { Shape, shapeOf } from './shapes';
import { SharedConnections } from './shared';
import { Notice, noticesOf } from './notices';
import { LISTED_STATUSES } from './topology/appearance';
import { AstrolabeOptions, AstrolabeQuery, DEFAULT_QUERY, seeksProblems } from './types';
import { endpoint } from './url';
import { parseVariableQuery } from './variables';

/** Milliseconds between two sets of frames of a panel. */
const GAP = 500;
/** Queries whose places, series and rows are remembered from one request of a panel to the next. */
const REMEMBERED = 64;

/** What Grafana's proxy answers, with 400, in place of a 401 of the server behind it. */
const REFUSED_BY_ASTROLABE = 'Authentication to data source failed';

/** Of `/health`, which has what the server says of itself, too. */
type Health = { status?: string; nodes?: number; synced?: boolean } & Partial<ServerState>;

/** Follows an Astrolabe: every panel is live. */
export class DataSource extends DataSourceApi<AstrolabeQuery, AstrolabeOptions> {
  private readonly url: string;
  private readonly graphs: SharedConnections<Filter, Update>;
  private readonly problems: SharedConnections<AskedProblems, ProblemUpdate>;
  private readonly shapes = new Memory<Shape>(REMEMBERED);
  private known: Promise<Kinds> | undefined;

  constructor(settings: DataSourceInstanceSettings<AstrolabeOptions>) {
    super(settings);
    this.url = settings.url ?? '';
    const stream = endpoint(this.url);
    this.graphs = new SharedConnections((filter) => new LiveGraph(stream, filter, () => this.probe()));
    this.problems = new SharedConnections((asked) => new LiveProblems(stream, asked, () => this.probe()));
  }

  getDefaultQuery(_: CoreApp): Partial<AstrolabeQuery> {
    return DEFAULT_QUERY;
  }

  query(request: DataQueryRequest<AstrolabeQuery>): Observable<DataQueryResponse> {
    const targets = request.targets.filter((target) => !target.hide);
    return targets.length ? merge(...targets.map((target) => this.follow(target, request))) : EMPTY;
  }

  /** For Explore, alerts and links, which show queries with the variables' values. */
  interpolateVariablesInQueries(queries: AstrolabeQuery[], scopedVars: ScopedVars): AstrolabeQuery[] {
    return queries.map((query) => {
      const { q = '', selector = '', ...lists } = this.filterOf(query, scopedVars);
      const all = { cluster: [], namespace: [], release: [], kind: [], status: [] };
      return { ...query, ...all, ...lists, selector, text: q };
    });
  }

  async metricFindQuery(query: string, options?: LegacyMetricFindQueryOptions): Promise<MetricFindValue[]> {
    const text = getTemplateSrv().replace(query, options?.scopedVars, (value: unknown) => [value].flat().join(','));
    const { what, names } = parseVariableQuery(text);
    const found = await this.names(what, names);
    return found.map((name) => ({ text: name }));
  }

  async testDatasource(): Promise<TestDataSourceResponse> {
    try {
      const health = await this.get<Health>('/health');
      if (health?.status !== 'healthy') {
        return { status: 'error', message: 'The server at this URL is not Astrolabe.' };
      }
      const synced = health.synced ? '' : ', still reading the cluster';
      const notices = health.state === undefined ? [] : noticesOf({ ...health, state: health.state, type: 'state' });
      const texts = notices.map(({ text }) => text).join(' ');
      const said = texts ? `: ${health.nodes} resources. ${texts}` : `: ${health.nodes} resources${synced}.`;
      return { status: 'success', message: `Connected to Astrolabe${await this.asWhom()}${said}` };
    } catch (error) {
      return { status: 'error', message: unreached(error) };
    }
  }

  /** ` as jane`; nothing of a server that tells nobody from anybody, or is too old to say. */
  private async asWhom(): Promise<string> {
    const caller = await this.get<Partial<Caller>>('/api/v1/whoami').catch(() => undefined);
    return caller?.user ? ` as ${caller.user.name}` : '';
  }

  private follow(target: AstrolabeQuery, request: DataQueryRequest<AstrolabeQuery>): Observable<DataQueryResponse> {
    const asked = this.filterOf(target, request.scopedVars);
    const key = JSON.stringify([request.dashboardUID, request.panelId, target, asked]);
    return from(this.kinds()).pipe(
      switchMap((kinds) => {
        const shape = this.shapes.get(key, () => shapeOf(target, kinds));
        const updates = this.updates(target, asked).pipe(tap((update) => shape.take(update)));
        const paced = pace(updates, { gap: GAP, idle: idleOf(target, request.intervalMs) });
        return paced.pipe(map((update) => respond(update, shape, target.refId)));
      })
    );
  }

  private updates(target: AstrolabeQuery, asked: Filter): Observable<Update> {
    if (!seeksProblems(target)) {
      return this.graphs.follow(asked);
    }
    const { status = [], ...filter } = asked;
    const problems = this.problems.follow(askedBy(target, filter));
    return withProblems(this.graphs.follow(filter), problems, (found) => chosen(found, target, status));
  }

  private filterOf(query: AstrolabeQuery, scopedVars: ScopedVars): Filter {
    const templates = getTemplateSrv();
    return filterOf(query, (text, scoped, format) => templates.replace(text, scoped, format), scopedVars);
  }

  private async probe(): Promise<ProbeResult> {
    return this.get('/health').then(
      () => ({ found: 'unknown' }),
      (error) => ({ found: 'unknown', reason: unreached(error) })
    );
  }

  /** Asked for once; without an answer all kinds look alike, and the next query asks again. */
  private kinds(): Promise<Kinds> {
    this.known ??= this.get<Kind[]>('/api/v1/kinds').then((answer) => new Kinds(answer));
    return this.known.catch(() => {
      this.known = undefined;
      return new Kinds();
    });
  }

  private async names(what: string, namespaces: string[]): Promise<string[]> {
    if (what === 'statuses') {
      return [...LISTED_STATUSES];
    }
    if (what === 'kinds') {
      return (await this.get<Kind[]>('/api/v1/kinds')).map(({ kind }) => kind).sort();
    }
    if (what === 'clusters') {
      return (await this.get<Array<{ name: string }>>('/api/v1/clusters')).map(({ name }) => name).filter(Boolean);
    }
    const named = namespaces.some(isAll) ? [] : namespaces;
    return this.get(`/api/v1/${what}`, what === 'releases' && named.length ? { namespace: named.join(',') } : {});
  }

  private async get<T>(path: string, params: Record<string, string> = {}): Promise<T> {
    const options = { url: `${this.url}${path}`, params, showErrorAlert: false };
    return (await lastValueFrom(getBackendSrv().fetch<T>(options))).data;
  }
}

/** What the panel is told: what is known, and what is wrong, if something is. */
function respond(update: Update, shape: Shape, refId: string): DataQueryResponse {
  const { trouble, troubleSince, final, graph, state, unanswered } = update;
  const frames = graph.position === null ? [] : shape.frames(update, refId);
  const message = trouble ?? (unanswered && `Cannot follow the problems: ${unanswered}`);
  if (message !== undefined && (final || frames.length === 0)) {
    return { key: refId, state: LoadingState.Error, data: frames, errors: [{ refId, message }] };
  }
  if (trouble === undefined) {
    const old = message === undefined ? [] : [{ severity: 'warning' as const, text: `${message}. Trying again.` }];
    return { key: refId, state: LoadingState.Streaming, data: noticed(frames, [...noticesOf(state), ...old]) };
  }
  const since = new Date(troubleSince!).toLocaleTimeString();
  const text = `Disconnected since ${since}: ${trouble}. Reconnecting.`;
  return { key: refId, state: LoadingState.Streaming, data: noticed(frames, [{ severity: 'warning', text }]) };
}

function noticed(frames: DataFrame[], notices: Notice[]): DataFrame[] {
  return notices.length ? frames.map((frame) => ({ ...frame, meta: { ...frame.meta, notices } })) : frames;
}

/** Why there was no answer. */
function unreached(error: unknown): string {
  if (isFetchError(error)) {
    const said = error.data?.message ?? error.statusText ?? '';
    if (error.status === 401 || said.includes(REFUSED_BY_ASTROLABE)) {
      return 'Astrolabe does not accept the token. Sign in to Grafana again, or correct the token of the data source';
    }
    return `Cannot reach Astrolabe: HTTP ${error.status}${said ? ` ${said}` : ''}`;
  }
  return `Cannot reach Astrolabe: ${error instanceof Error ? error.message : String(error)}`;
}
