// @vitest-environment jsdom
/** The dashboards fit the plugin: what they ask for, what they refer to, where they lead. */
import { standardTransformers } from '@grafana/data';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import plugin from '../src/plugin.json';
import { filterOf } from '../src/filter';
import { AstrolabeQuery, QUERY_TYPES, QueryType } from '../src/types';
import { parseVariableQuery } from '../src/variables';
import { fieldOptions } from './browser/grafana-registry';
import { Astrolabe, ROOT } from './support/astrolabe';

const FOLDER = path.join(ROOT, 'deploy/grafana/dashboards');
const KEYS = new Set([
  ...['refId', 'datasource', 'queryType', 'limit', 'focus', 'sort'],
  ...['namespace', 'release', 'kind', 'status', 'selector', 'text'],
]);
const PANELS: Record<string, QueryType[]> = {
  nodeGraph: ['topology'],
  table: ['problems', 'resources', 'changes'],
  timeseries: ['counts'],
  stat: ['counts'],
};
/** What Grafana itself replaces. */
const BUILT_IN = /^(__value\.|__data\.|__url_time_range$)/;

interface Override {
  matcher: { id: string; options: string };
  properties: Array<{ id: string; value: unknown }>;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: AstrolabeQuery[];
  transformations?: Array<{ id: string }>;
  fieldConfig: { defaults: { custom?: object }; overrides: Override[] };
}

interface Variable {
  name: string;
  type: string;
  query: string;
}

interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: Variable[] };
}

const names = readdirSync(FOLDER);
const dashboards = names.map((name): Dashboard => JSON.parse(readFileSync(path.join(FOLDER, name), 'utf8')));

function references(value: unknown): string[] {
  return [...JSON.stringify(value).matchAll(/\$\{([\w.]+)(?::\w+)?\}|\$(\w+)/g)].map(([, one, other]) => one ?? other);
}

/** What the compiler says of a text, which knows Grafana's types. */
function complaints(text: string): string[] {
  const file = path.join(ROOT, 'deploy/grafana/astrolabe-datasource/tests/typed.ts');
  const options: ts.CompilerOptions = {
    ...{ noEmit: true, strict: true, skipLibCheck: true, types: [] },
    ...{ module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? text : readFile(name));
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

let astrolabe: Astrolabe;

beforeAll(async () => {
  astrolabe = await Astrolabe.start();
});

afterAll(() => astrolabe.stop());

test('they are dashboards as Grafana types them', () => {
  const source = dashboards.map(
    (each, index) => `export const d${index}: Partial<Dashboard> = ${JSON.stringify(each)};`
  );
  const text = `import { Dashboard } from '@grafana/schema';\n${source.join('\n')}`;
  expect(complaints(text)).toEqual([]);
  expect(complaints(text.replace('"gridPos"', '"gridPlace"'))).not.toEqual([]);
}, 60_000);

test('there are three, and each has a uid of its own', () => {
  expect(names.sort()).toEqual(['cluster.json', 'namespace.json', 'release.json']);
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(3);
});

describe.each(dashboards.map((dashboard) => [dashboard.title, dashboard] as const))('%s', (_, dashboard) => {
  const variables = dashboard.templating.list;
  const targets = dashboard.panels.flatMap((panel) => panel.targets);

  test('asks for what the plugin knows', () => {
    for (const panel of dashboard.panels) {
      for (const target of panel.targets) {
        expect(target.datasource).toEqual({ type: plugin.id, uid: '${datasource}' });
        expect(QUERY_TYPES).toContain(target.queryType);
        expect(PANELS[panel.type]).toContain(target.queryType);
        expect(Object.keys(target).filter((key) => !KEYS.has(key))).toEqual([]);
      }
    }
  });

  test('every variable that it refers to is there, before what refers to it', () => {
    const known = variables.map(({ name }) => name);
    expect(references(dashboard.panels).filter((name) => !known.includes(name) && !BUILT_IN.test(name))).toEqual([]);
    variables.forEach(({ query }, index) => {
      expect(references(query).filter((name) => !known.slice(0, index).includes(name))).toEqual([]);
    });
  });

  test('variables are found by queries that the plugin knows', () => {
    expect(variables[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: plugin.id });
    for (const { query } of variables.slice(1)) {
      parseVariableQuery(query);
    }
  });

  test('the server understands its filters', async () => {
    for (const target of targets) {
      const filter = filterOf(target, (text) => text.replace(/^\$\w+$/, 'shop'));
      const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
      await astrolabe.json(`/api/v1/graph?${query}`);
    }
  });

  test('what it says of fields is what Grafana knows of them', () => {
    for (const { type, fieldConfig } of dashboard.panels) {
      const known = fieldOptions(type);
      const { custom = {}, ...defaults } = fieldConfig.defaults;
      const all = [...Object.keys(defaults), ...Object.keys(custom).map((name) => `custom.${name}`)];
      const named = fieldConfig.overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
      expect([...all, ...named].filter((id) => !known.getIfExists(id))).toEqual([]);
    }
  });

  test('what it does to frames is what Grafana can do', () => {
    const ids = dashboard.panels.flatMap(({ transformations = [] }) => transformations.map(({ id }) => id));
    const known = Object.values(standardTransformers).map(({ id }) => id);
    expect(ids.filter((id) => !known.includes(id))).toEqual([]);
  });

  test('links lead to dashboards that there are, with variables that they have', () => {
    const urls = [
      ...JSON.stringify(dashboard).matchAll(
        /"\/d\/([\w-]+)\?\$\{datasource:queryparam\}&([^"]+)&\$\{__url_time_range\}"/g
      ),
    ];
    expect(urls.length).toBeGreaterThan(0);
    for (const [, uid, query] of urls) {
      const target = dashboards.find((each) => each.uid === uid);
      const wanted = [...query.matchAll(/var-(\w+)=/g)].map(([, name]) => name);
      expect(target?.templating.list.map(({ name }) => name)).toEqual(expect.arrayContaining(wanted));
    }
  });

  test('panels have ids and places of their own', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { gridPos: one } of panels) {
      const over = panels.filter(
        ({ gridPos: other }) =>
          one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h
      );
      expect(over.length).toBe(1);
      expect(one.x + one.w).toBeLessThanOrEqual(24);
    }
  });
});
