/** What the plugin finds in Grafana: its libraries, its services, and an AMD loader. */
import * as emotion from '@emotion/css';
import * as data from '@grafana/data';
import * as runtime from '@grafana/runtime';
import * as ui from '@grafana/ui';
import lodash from 'lodash';
import React from 'react';
import * as jsx from 'react/jsx-runtime';
import { createRoot } from 'react-dom/client';
import * as rxjs from 'rxjs';

const BASE = '/grafana';
const MODULES: Record<string, unknown> = {
  '@emotion/css': emotion,
  '@grafana/data': data,
  '@grafana/runtime': runtime,
  '@grafana/ui': ui,
  lodash,
  module: { uri: `${BASE}/plugin/module.js` },
  react: React,
  'react/jsx-runtime': jsx,
  rxjs,
};

/** Values of template variables. */
const variables: Record<string, string[]> = {};

function replace(text = '', _?: unknown, format?: unknown): string {
  return text.replace(/\$\{?(\w+)(?::\w+)?\}?/g, (all, name: string) => {
    const values = variables[name];
    if (values === undefined) {
      return all;
    }
    return typeof format === 'function' ? format(values.length === 1 ? values[0] : values) : values.join(',');
  });
}

async function send(options: runtime.BackendSrvRequest): Promise<runtime.FetchResponse> {
  const answer = await fetch(`${BASE}${options.url}?${new URLSearchParams(options.params)}`);
  const found = await answer.json().catch(() => ({}));
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
    frames: (response.data as data.DataFrame[]).map((frame) => ({
      name: frame.name,
      refId: frame.refId,
      notices: (frame.meta?.notices ?? []).map((notice) => notice.text),
      types: Object.fromEntries(frame.fields.map((field) => [field.name, field.type])),
      columns: Object.fromEntries(frame.fields.map((field) => [field.name, [...field.values]])),
    })),
  };
}

/** The plugin as Grafana loads it. */
async function load(): Promise<data.DataSourcePlugin<any>> {
  return new Promise((resolve, reject) => {
    const define = (names: string[], factory: (...found: unknown[]) => { plugin: data.DataSourcePlugin<any> }) => {
      const missing = names.filter((name) => !(name in MODULES));
      if (missing.length) {
        reject(new Error(`Grafana has no ${missing.join(', ')}`));
      }
      resolve(factory(...names.map((name) => MODULES[name])).plugin);
    };
    Object.assign(window, { define: Object.assign(define, { amd: {} }) });
    const script = document.createElement('script');
    script.src = `${BASE}/plugin/module.js`;
    document.head.append(script);
  });
}

const SETTINGS = { uid: 'astrolabe', name: 'Astrolabe', jsonData: {}, url: '/api/datasources/proxy/uid/astrolabe' };
const running = new Map<string, { responses: Seen[]; completed: boolean; subscription: rxjs.Subscription }>();

async function start() {
  const plugin = await load();
  const source = new plugin.DataSourceClass({ ...SETTINGS } as data.DataSourceInstanceSettings);
  const { QueryEditor, ConfigEditor } = plugin.components;
  const changed: unknown[] = [];

  Object.assign(window, {
    harness: {
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
    const theme = data.createTheme({ colors: { mode: 'dark' } });
    return (
      <data.ThemeContext.Provider value={theme}>
        <ui.GlobalStyles />
        <ui.PortalContainer />
        <div style={{ padding: 16, background: theme.colors.background.primary, color: theme.colors.text.primary }}>
          <Editor
            datasource={source}
            query={value}
            options={value}
            onChange={change}
            onOptionsChange={change}
            onRunQuery={() => changed.push('run')}
          />
        </div>
      </data.ThemeContext.Provider>
    );
  }
}

start().then(
  () => document.body.setAttribute('data-ready', 'yes'),
  (error) => document.body.setAttribute('data-ready', String(error))
);
