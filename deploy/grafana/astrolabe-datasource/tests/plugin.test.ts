/**
 * What Grafana demands of plugin.json, as it is written and as it is built.
 *
 * Grafana's own schema (the `$schema` of plugin.json) is no part of any package of Grafana, and not under a licence that
 * lets it be kept here. `RULES` says the same in words of our own, for all that a data source without a backend may
 * have: names, required ones, patterns and values, and nothing else is let through. Who has the schema at hand holds
 * both files to the whole of it: `PLUGIN_SCHEMA=<path> npm test`.
 */
import Ajv from 'ajv';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import packaged from '../package.json';

const FOLDER = path.resolve(__dirname, '..');
const TEXT = { type: 'string' };
const FLAG = { type: 'boolean' };

function object(properties: object, required: string[] = []): object {
  return { type: 'object', additionalProperties: false, properties, required };
}

function list(items: object, more: object = {}): object {
  return { type: 'array', items, ...more };
}

const VERSION = String.raw`\d+(\.[0-9x*]+){1,2}`;
const ID = '^[0-9a-z]+-([0-9a-z]+-)?datasource$';
const LINK = object({ name: TEXT, url: { type: 'string', pattern: '^https?://' } });

const RULES = object(
  {
    $schema: TEXT,
    id: { type: 'string', pattern: ID },
    type: { const: 'datasource' },
    name: { type: 'string', minLength: 1 },
    category: { enum: ['tsdb', 'logging', 'cloud', 'tracing', 'profiling', 'sql', 'enterprise', 'iot', 'other'] },
    state: { enum: ['alpha', 'beta'] },
    buildMode: { enum: ['production', 'development'] },
    ...Object.fromEntries(
      ['annotations', 'logs', 'metrics', 'mixed', 'preload', 'streaming'].map((name) => [name, FLAG])
    ),
    queryOptions: object({ maxDataPoints: FLAG, minInterval: FLAG, cacheTimeout: FLAG }),
    info: object(
      {
        author: object({ name: TEXT, email: TEXT, url: TEXT }),
        description: TEXT,
        keywords: list(TEXT, { minItems: 1 }),
        links: list(LINK),
        logos: object({ small: TEXT, large: TEXT }, ['small', 'large']),
        screenshots: list(object({ name: TEXT, path: TEXT })),
        updated: { type: 'string', pattern: String.raw`^(\d{4}-\d{2}-\d{2}|%TODAY%)$` },
        version: { type: 'string', pattern: String.raw`^(\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?|%VERSION%)$` },
      },
      ['logos', 'version', 'updated', 'keywords']
    ),
    dependencies: object(
      {
        grafanaDependency: {
          type: 'string',
          pattern: String.raw`^(<=|>=|<|>|=|~|\^)?${VERSION}(\s(<=|>=|<|=>)?${VERSION})?$`,
        },
        plugins: list(object({ id: TEXT, type: TEXT, name: TEXT, version: TEXT }, ['id', 'type', 'name'])),
      },
      ['grafanaDependency']
    ),
  },
  ['type', 'name', 'id', 'info', 'dependencies']
);

const schemas: Array<[string, any]> = [['what is said here', RULES]];
if (process.env.PLUGIN_SCHEMA) {
  const { $schema, ...whole } = JSON.parse(readFileSync(process.env.PLUGIN_SCHEMA, 'utf8'));
  schemas.push([$schema, whole]);
}

function read(name: string): any {
  return JSON.parse(readFileSync(path.join(FOLDER, name), 'utf8'));
}

/** What of a document does not hold. */
function wrong(schema: object, document: unknown): string[] {
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false, unicodeRegExp: false });
  ajv.validate(schema, document);
  return (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

test.each(schemas)('plugin.json is valid by %s', (_, schema) => {
  expect(wrong(schema, read('src/plugin.json'))).toEqual([]);
  expect(wrong(schema, read('dist/plugin.json'))).toEqual([]);
});

test('what is not valid is found', () => {
  const { dependencies, ...plugin } = read('src/plugin.json');
  const broken = { ...plugin, id: 'Astrolabe', kind: 'datasource', info: { ...plugin.info, updated: 'today' } };
  expect(wrong(RULES, broken).sort()).toEqual([
    ' must NOT have additional properties',
    " must have required property 'dependencies'",
    expect.stringMatching('^/id must match pattern'),
    expect.stringMatching('^/info/updated must match pattern'),
  ]);
});

test('what it is compiled against is the oldest Grafana that it is for', () => {
  const { grafanaDependency } = read('src/plugin.json').dependencies;
  const oldest = Object.entries(packaged.devDependencies).filter(([name]) => name.startsWith('@grafana-oldest/'));
  expect(oldest.length).toBe(4);
  for (const [name, version] of oldest) {
    expect(version).toBe(`npm:@grafana/${name.split('/')[1]}@${grafanaDependency.replace('>=', '')}`);
  }
});

test('what is built has its version, its day, its mode, and the files that it names', () => {
  const plugin = read('dist/plugin.json');
  expect(plugin).toMatchObject({
    info: { version: packaged.version, updated: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) },
    dependencies: { grafanaDependency: '>=12.3.0' },
    buildMode: 'production',
  });
  const { logos, screenshots } = plugin.info;
  const named = [...Object.values<string>(logos), ...screenshots.map((each: { path: string }) => each.path)];
  for (const file of ['module.js', 'README.md', 'CHANGELOG.md', 'LICENSE', ...named]) {
    expect(existsSync(path.join(FOLDER, 'dist', file)), file).toBe(true);
  }
  expect(readFileSync(path.join(FOLDER, 'dist', logos.small), 'utf8')).toMatch(/<svg[^]*<\/svg>\s*$/);
  expect(readFileSync(path.join(FOLDER, 'dist/README.md'), 'utf8')).not.toMatch(/\]\((?!https:|#)/); // links of a catalogue
});
