/** The dashboards in a real browser, with Grafana's own libraries: what is in their panels, and how soon. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Astrolabe, ROOT } from './support/astrolabe';
import { OpenDashboard, Shown, Site } from './support/browser';

interface Panel {
  id: number;
  type: string;
  title: string;
  targets: Array<{ queryType: string; focus?: boolean }>;
  transformations?: Array<{ id: string; options: { excludeByName: object; renameByName: object } }>;
  fieldConfig: { overrides: Array<{ matcher: { options: string } }> };
}

function read(name: string): { panels: Panel[] } {
  return JSON.parse(readFileSync(path.join(ROOT, `deploy/grafana/dashboards/${name}.json`), 'utf8'));
}

const VARIABLES: Record<string, Record<string, string[]>> = {
  cluster: { datasource: ['astrolabe'] },
  namespace: { datasource: ['astrolabe'], namespace: ['shop'] },
  release: { datasource: ['astrolabe'], namespace: ['shop'], release: ['shop-app'] },
};

let site: Site;
let page: Page;
let faults: string[];

async function begin(astrolabe: Promise<Astrolabe>): Promise<void> {
  site = await Site.start({ astrolabe });
  page = await site.page();
  faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
}

afterEach(() => expect(faults).toEqual([]));

/** Pictures for those who want to look; where is said by SCREENSHOTS. */
async function picture(name: string): Promise<void> {
  if (process.env.SCREENSHOTS) {
    await page.setViewportSize({ width: 1616, height: 2600 });
    await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });
  }
}

function column(shown: Shown, name: string): unknown[] {
  return shown.frames[0]?.columns[name] ?? [];
}

function rowOf(shown: Shown, name: string): Record<string, unknown> | undefined {
  const at = column(shown, 'name').indexOf(name);
  const columns = Object.entries(shown.frames[0]?.columns ?? {});
  return at < 0 ? undefined : Object.fromEntries(columns.map(([key, values]) => [key, values[at]]));
}

/** Whether a panel shows this many resources in Error, the latest of which is a Deployment `api`. */
function shows({ targets: [{ queryType }] }: Panel, shown: Shown, errors: number): boolean {
  switch (queryType) {
    case 'counts':
      return column(shown, 'Error').at(-1) === errors;
    case 'topology':
      return column(shown, 'title').includes('api');
    default:
      return rowOf(shown, 'api')?.status === 'Error';
  }
}

describe('of a small cluster', () => {
  beforeAll(() => begin(Astrolabe.start()));

  afterAll(() => site.stop());

  describe.each(Object.keys(VARIABLES))('the dashboard of a %s', (name) => {
    const { panels } = read(name);
    let dashboard: OpenDashboard;

    beforeEach(async () => {
      dashboard = await OpenDashboard.open(page, read(name), VARIABLES[name]);
    });

    afterEach(() => site.astrolabe.tell('remove Deployment api').catch(() => 0));

    test('each panel shows a change in time, and has the fields that it names', async () => {
      for (const { id, targets } of panels) {
        await dashboard.until(id, ({ frames }) => frames.length === (targets[0].queryType === 'topology' ? 2 : 1));
      }
      const began = Date.now();
      await site.astrolabe.tell('set Deployment api Error shop-app');
      const found = await Promise.all(
        panels.map((panel) => dashboard.until(panel.id, (shown) => shows(panel, shown, 2)))
      );
      panels.forEach((panel, index) => {
        const { at, errors, raw, frames, links } = found[index];
        const [{ queryType, focus }] = panel.targets;
        // The server may have been asked for problems just before the change.
        expect(at - began, panel.title).toBeLessThan(queryType === 'problems' || focus ? 2000 : 1000);
        expect(errors).toEqual([]);
        const given = raw.flatMap(({ columns }) => Object.keys(columns));
        for (const { options } of panel.transformations ?? []) {
          expect(given).toEqual(expect.arrayContaining(Object.keys(options.excludeByName)));
        }
        const left = frames.flatMap(({ columns }) => Object.keys(columns));
        expect(left).toEqual(expect.arrayContaining(panel.fieldConfig.overrides.map(({ matcher }) => matcher.options)));
        for (const href of links.flatMap((each) => Object.values(each).flat())) {
          expect(href).toMatch(/^\/grafana\/d\/astrolabe-(namespace|release)\?var-datasource=astrolabe&[^$]+$/);
        }
      });
    });

    test('what is broken is told with since when, why, and what depends on it', async () => {
      await site.astrolabe.tell('set Deployment api Error shop-app');
      const { id } = panels.find(({ targets }) => targets[0].queryType === 'problems')!;
      const shown = await dashboard.until(id, (shown) => rowOf(shown, 'api') !== undefined);
      expect(rowOf(shown, 'api')).toMatchObject({
        status: 'Error',
        since: Date.parse('2026-01-01T00:00:00Z'),
        reason: 'IsError',
        message: 'api is Error',
        kind: 'Deployment',
        namespace: 'shop',
        release: 'shop-app',
      });
      expect(rowOf(shown, 'web-1-abc')).toMatchObject({
        status: 'Error',
        reason: 'CrashLoopBackOff',
        message: 'back-off 5m0s restarting failed container',
      });
      expect(shown.links[0].release).toEqual([
        expect.stringContaining(
          '/d/astrolabe-release?var-datasource=astrolabe&var-namespace=shop&var-release=shop-app&'
        ),
      ]);
      await page.getByRole('gridcell', { name: 'back-off 5m0s restarting failed container' }).first().waitFor();
    });
  });
});

describe('of a cluster in motion', () => {
  beforeAll(() => begin(Astrolabe.demo()));

  afterAll(() => site.stop());

  test.each(Object.keys(VARIABLES))('no panel of the dashboard of a %s is empty', async (name) => {
    const { panels } = read(name);
    const [worst] = await site.astrolabe.json<any[]>('/api/v1/resources?status=Error&kind=Pod');
    const variables = { datasource: ['astrolabe'], namespace: [worst.namespace], release: [worst.release] };
    const dashboard = await OpenDashboard.open(page, read(name), variables);
    for (const { id, targets } of panels) {
      if (targets[0].queryType !== 'changes' || name !== 'release') {
        await dashboard.until(
          id,
          ({ frames }) => (Object.values(frames[0]?.columns ?? {})[0] ?? []).length > 0,
          20_000
        );
      }
    }
    const { id } = panels.find(({ targets }) => targets[0].queryType === 'problems')!;
    const words = /^\d+ [A-Z]\w+(, \d+ [A-Z]\w+)*$/;
    await dashboard.until(id, (shown) => column(shown, 'dependents').some((text) => words.test(String(text))));
    await picture(`dashboard-${name}`);
  });
});
