import { build } from 'esbuild';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BrowserContext, chromium, Page } from 'playwright-core';
import { expect } from 'vitest';
import { Astrolabe } from './astrolabe';
import { Grafana } from './grafana';

const HERE = path.resolve(__dirname, '..');
const PLUGIN = path.resolve(__dirname, '../..');

/** Grafana 12 has the one, Grafana 13 the other. */
export type React = 18 | 19;

/** Grafana's libraries for the browser, and the page that loads them: files by the name they are served under. */
async function bundle(outdir: string, react: React): Promise<Record<string, string>> {
  await build({
    entryPoints: [path.join(HERE, 'browser/harness.tsx')],
    outdir,
    bundle: true,
    minify: true,
    format: 'iife',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    loader: { '.svg': 'dataurl', '.png': 'dataurl', '.ttf': 'dataurl' },
    alias: react === 19 ? { react: 'react-19', 'react-dom': 'react-dom-19' } : {},
    logLevel: 'error',
  });
  const css = path.join(outdir, 'harness.css');
  if (!existsSync(css)) {
    writeFileSync(css, '');
  }
  return {
    'index.html': path.join(HERE, 'browser/index.html'),
    'harness.js': path.join(outdir, 'harness.js'),
    'harness.css': css,
    'plugin/module.js': path.join(PLUGIN, 'dist/module.js'),
  };
}

/** An Astrolabe, the part of Grafana in front of it, and a browser. */
export class Site {
  private constructor(
    readonly astrolabe: Astrolabe,
    readonly grafana: Grafana,
    private readonly context: BrowserContext,
    private readonly bundled: string
  ) {}

  static async start({ astrolabe: started = Astrolabe.start(), react = 18 as React } = {}): Promise<Site> {
    const bundled = mkdtempSync(path.join(tmpdir(), 'astrolabe-grafana-'));
    const [astrolabe, files, browser] = await Promise.all([
      started,
      bundle(bundled, react),
      chromium.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
      }),
    ]);
    const context = await browser.newContext({ viewport: { width: 1100, height: 460 } });
    return new Site(astrolabe, await new Grafana(astrolabe, files).start(), context, bundled);
  }

  /** A page on which the plugin is loaded. */
  async page(): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(`${this.grafana.url}/`);
    await page.waitForSelector('body[data-ready]', { state: 'attached' });
    expect(await page.getAttribute('body', 'data-ready')).toBe('yes');
    return page;
  }

  async stop(): Promise<void> {
    await this.context.browser()!.close();
    await this.grafana.stop();
    await this.astrolabe.stop();
    rmSync(this.bundled, { recursive: true });
  }
}

export interface Response {
  at: number;
  key?: string;
  state?: string;
  errors: string[];
  frames: Array<{
    name: string;
    refId: string;
    notices: string[];
    types: Record<string, string>;
    columns: Record<string, unknown[]>;
  }>;
}

/** What a panel of a dashboard shows: `raw` before its transformations; `links` of each field in its first row. */
export interface Shown {
  at: number;
  errors: string[];
  raw: Response['frames'];
  frames: Response['frames'];
  links: Array<Record<string, string[]>>;
}

/** A dashboard on a page. */
export class OpenDashboard {
  private constructor(private readonly page: Page) {}

  /** `variables`: the values of its variables. */
  static async open(page: Page, dashboard: object, variables: Record<string, string[]>): Promise<OpenDashboard> {
    await page.evaluate(
      ([dashboard, variables]) => {
        const { harness } = window as any;
        Object.assign(harness.variables, variables);
        harness.open(dashboard, 1600);
      },
      [dashboard, variables] as const
    );
    return new OpenDashboard(page);
  }

  /** What the panel shows when it holds of it for the first time. */
  async until(id: number, holds: (shown: Shown) => boolean, timeout = 5000): Promise<Shown> {
    let shown: Shown;
    const look = async () => holds((shown = await this.page.evaluate((id) => (window as any).harness.panel(id), id)));
    await expect.poll(look, { timeout, interval: 20, message: `panel ${id}` }).toBe(true);
    return shown!;
  }
}

/** One panel on a page: what its query was answered. */
export class Panel {
  constructor(
    private readonly page: Page,
    private readonly name: string
  ) {}

  async run(target: object, more: object = {}): Promise<this> {
    await this.page.evaluate(([name, target, more]) => (window as any).harness.run(name, [target], more), [
      this.name,
      { refId: 'A', ...target },
      more,
    ] as const);
    return this;
  }

  stop(): Promise<void> {
    return this.page.evaluate((name) => (window as any).harness.stop(name), this.name);
  }

  responses(): Promise<Response[]> {
    return this.page.evaluate((name) => (window as any).harness.responses(name), this.name);
  }

  completed(): Promise<boolean> {
    return this.page.evaluate((name) => (window as any).harness.completed(name), this.name);
  }

  /** The first response for which it holds. */
  async until(holds: (response: Response) => boolean, timeout = 8000): Promise<Response> {
    let found: Response | undefined;
    await expect
      .poll(async () => (found = (await this.responses()).find(holds)) !== undefined, { timeout, interval: 20 })
      .toBe(true);
    return found!;
  }
}
