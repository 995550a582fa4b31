/** What the plugin finds in Grafana: its libraries, its services, and an AMD loader. */
import * as emotion from '@emotion/css';
import * as data from '@grafana/data';
import * as runtime from '@grafana/runtime';
import * as ui from '@grafana/ui';
import lodash from 'lodash';
import React from 'react';
import * as jsx from 'react/jsx-runtime';
import { createRoot, Root } from 'react-dom/client';
import * as rxjs from 'rxjs';
import 'systemjs';
import 'systemjs/dist/extras/amd.js';
import { Dashboard, DashboardModel, Shown } from './dashboard';
import { registerTransformers } from './grafana-registry';

const BASE = '/grafana';
const MODULES: Record<string, unknown> = {
  '@emotion/css': emotion,
  '@grafana/data': data,
  '@grafana/runtime': runtime,
  '@grafana/ui': ui,
  lodash,
  react: React,
  'react/jsx-runtime': jsx,
  rxjs,
};

/** Values of template variables. */
const variables: Record<string, string[]> = {};

function replace(text = '', scopedVars?: data.ScopedVars, format?: unknown): string {
  return text.replace(/\$\{?(\w+)((?:\.\w+)*)(?::(\w+))?\}?/g, (all, name: string, path: string, how?: string) => {
    const values = name in variables ? variables[name] : ofCell(name, path, scopedVars?.__dataContext?.value);
    if (values === undefined) {
      return all;
    }
    if (how === 'queryparam') {
      return values.map((value) => `var-${name}=${encodeURIComponent(value)}`).join('&');
    }
    return typeof format === 'function' ? format(values.length === 1 ? values[0] : values) : values.join(',');
  });
}

/** What the link of a cell may name: `__value.raw`, `__data.fields.<name>`, `__url_time_range`. */
function ofCell(name: string, path: string, context?: data.DataContextScopedVar['value']): string[] | undefined {
  const [, of, field] = path.split('.');
  if (name === '__url_time_range') {
    return ['from=now-15m&to=now'];
  }
  if (context === undefined || context.rowIndex === undefined) {
    return undefined;
  }
  if (name === '__value' && of === 'raw') {
    return [String(context.field.values[context.rowIndex])];
  }
  if (name === '__data' && of === 'fields') {
    const found = context.frame.fields.find((each) => each.name === field);
    return [String(found?.values[context.rowIndex] ?? '')];
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function send(options: runtime.BackendSrvRequest): Promise<runtime.FetchResponse> {
  const answer = await fetch(`${BASE}${options.url}?${new URLSearchParams(options.params)}`);
  const text = await answer.text();
  const found = parsed(text) ?? { message: text }; // as Grafana does with what is no JSON
  const { ok, status, statusText, headers, redirected, type, url } = answer;
  const response = { ok, status, statusText, headers, redirected, type, url, data: found, config: options };
  if (!ok) {
    throw response;
  }
  return response as runtime.FetchResponse;
}

runtime.config.appSubUrl = BASE;
runtime.setBackendSrv({
  fetch: (options: runtime.BackendSrvRequest) => rxjs.from(send(options)),
} as unknown as runtime.BackendSrv);
data.locationUtil.initialize({
  config: { appSubUrl: BASE } as data.GrafanaConfig,
  getVariablesUrlParams: () => ({}),
  getTimeRangeForUrl: () => ({ from: 'now-15m', to: 'now' }),
});
registerTransformers();
runtime.setTemplateSrv({ replace, getVariables: () => [] } as unknown as runtime.TemplateSrv);

interface Seen {
  at: number;
  key?: string;
  state?: string;
  errors: string[];
  frames: Array<{
    name?: string;
    refId?: string;
    notices: string[];
    types: object;
    columns: Record<string, unknown[]>;
  }>;
}

function seen(response: data.DataQueryResponse): Seen {
  return {
    at: Date.now(),
    key: response.key,
    state: response.state,
    errors: (response.errors ?? []).map((error) => error.message ?? ''),
    frames: (response.data as data.DataFrame[]).map(seenFrame),
  };
}

function seenFrame(frame: data.DataFrame): Seen['frames'][number] {
  return {
    name: frame.name,
    refId: frame.refId,
    notices: (frame.meta?.notices ?? []).map((notice) => notice.text),
    types: Object.fromEntries(frame.fields.map((field) => [field.name, field.type])),
    columns: Object.fromEntries(frame.fields.map((field) => [field.name, [...field.values]])),
  };
}

/** The links of each field of a frame, in its first row that has some. */
function linksOf(frame: data.DataFrame): Record<string, string[]> {
  const of = (field: data.Field) => {
    const rows = Array.from({ length: frame.length }, (_, at) => field.getLinks!({ valueRowIndex: at }));
    return (rows.find((links) => links.length > 0) ?? []).map((link) => link.href);
  };
  return Object.fromEntries(frame.fields.map((field) => [field.name, of(field)]));
}

/** The plugin as Grafana loads it: by SystemJS, which finds in Grafana what a plugin does not bring. */
async function load(): Promise<data.DataSourcePlugin<any>> {
  const names = Object.keys(MODULES);
  System.addImportMap({ imports: Object.fromEntries(names.map((name) => [name, `app:${name}`])) });
  names.forEach((name) => System.set(`app:${name}`, { ...(MODULES[name] as object), default: MODULES[name] }));
  const { plugin } = await System.import(`${BASE}/plugin/module.js`);
  return plugin;
}

const THEME = data.createTheme({ colors: { mode: 'dark' } });
const SETTINGS = { uid: 'astrolabe', name: 'Astrolabe', jsonData: {}, url: '/api/datasources/proxy/uid/astrolabe' };
const running = new Map<string, { responses: Seen[]; completed: boolean; subscription: rxjs.Subscription }>();

async function start() {
  const plugin = await load();
  const source = new plugin.DataSourceClass({ ...SETTINGS } as data.DataSourceInstanceSettings);
  const { QueryEditor, ConfigEditor } = plugin.components;
  const changed: unknown[] = [];
  const panels = new Map<number, Shown>();
  let root: Root | undefined;

  Object.assign(window, {
    harness: {
      react: React.version,
      variables,
      changed,
      /** Run the targets of a panel. */
      run(panel: string, targets: data.DataQuery[], more: object = {}) {
        const request = { targets, panelId: panel, intervalMs: 1000, scopedVars: {}, ...more };
        const one = { responses: [] as Seen[], completed: false };
        const subscription = (source.query(request as never) as rxjs.Observable<data.DataQueryResponse>).subscribe({
          next: (response) => one.responses.push(seen(response)),
          complete: () => (one.completed = true),
        });
        running.set(panel, Object.assign(one, { subscription }));
      },
      stop: (panel: string) => running.get(panel)!.subscription.unsubscribe(),
      responses: (panel: string) => running.get(panel)!.responses,
      completed: (panel: string) => running.get(panel)!.completed,
      find: (query: string) => source.metricFindQuery!(query),
      test: () => source.testDatasource(),
      interpolate: (queries: never[]) => source.interpolateVariablesInQueries!(queries, {}),
      /** Show a dashboard. */
      open(dashboard: DashboardModel, width: number) {
        panels.clear();
        const tell = (id: number, shown: Shown) => panels.set(id, shown);
        const site = { source, replace, tell };
        root?.unmount();
        root = createRoot(document.getElementById('root')!);
        root.render(
          <Themed>
            <Dashboard dashboard={dashboard} width={width} site={site} />
          </Themed>
        );
      },
      /** What a panel of the dashboard shows. */
      panel(id: number) {
        const shown = panels.get(id);
        const { at = 0, raw = [], frames = [], errors = [] } = shown ?? {};
        return { at, errors, raw: raw.map(seenFrame), frames: frames.map(seenFrame), links: frames.map(linksOf) };
      },
      /** Show an editor as Grafana does. */
      show(editor: 'query' | 'config', initial: object) {
        const Editor = (editor === 'query' ? QueryEditor : ConfigEditor) as React.ComponentType<any>;
        createRoot(document.getElementById('root')!).render(<Shown Editor={Editor} initial={initial} />);
      },
    },
  });

  function Shown({ Editor, initial }: { Editor: React.ComponentType<any>; initial: object }) {
    const [value, setValue] = React.useState(initial);
    const change = (next: object) => {
      changed.push(next);
      setValue(next);
    };
    return (
      <Themed padding={16}>
        <Editor
          datasource={source}
          query={value}
          options={value}
          onChange={change}
          onOptionsChange={change}
          onRunQuery={() => changed.push('run')}
        />
      </Themed>
    );
  }

  function Themed({ padding = 0, children }: React.PropsWithChildren<{ padding?: number }>) {
    const { background, text } = THEME.colors;
    return (
      <data.ThemeContext.Provider value={THEME}>
        <ui.GlobalStyles />
        <ui.PortalContainer />
        <div style={{ padding, background: background.primary, color: text.primary }}>{children}</div>
      </data.ThemeContext.Provider>
    );
  }
}

start().then(
  () => document.body.setAttribute('data-ready', 'yes'),
  (error) => document.body.setAttribute('data-ready', String(error))
);
