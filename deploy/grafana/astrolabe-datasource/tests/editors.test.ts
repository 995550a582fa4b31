/** The editors of the built plugin, in a real browser with Grafana's own components. */
import path from 'node:path';
import { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { React, Site } from './support/browser';

let site: Site;
let page: Page;
let faults: string[];

beforeEach(async () => {
  page = await site.page();
  page.setDefaultTimeout(5000);
  faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
});

afterEach(async () => {
  await page.close();
  expect(faults).toEqual([]);
});

function show(editor: 'query' | 'config', initial: object): Promise<void> {
  return page.evaluate(([editor, initial]) => (window as any).harness.show(editor, initial), [
    editor,
    initial,
  ] as const);
}

/** What the editor told last. */
function last(): Promise<any> {
  return page.evaluate(() => (window as any).harness.changed.filter((each: unknown) => each !== 'run').at(-1));
}

/** Pictures for those who want to look; where is said by SCREENSHOTS. */
async function picture(name: string): Promise<void> {
  if (process.env.SCREENSHOTS) {
    await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });
  }
}

describe.each<React>([18, 19])('with React %i', (react) => {
  beforeAll(async () => {
    site = await Site.start({ react });
  });

  afterAll(() => site.stop());

  test('the query editor offers what the server knows, and tells what is chosen', async () => {
    expect(await page.evaluate(() => (window as any).harness.react)).toMatch(new RegExp(`^${react}\\.`));
    await show('query', { refId: 'A', namespace: ['shop'] });
    await page.getByLabel('Kind').fill('deploy');
    await page.getByRole('option', { name: 'Deployment', exact: true }).waitFor();
    await picture('query-editor-open');
    await page.getByRole('option', { name: 'Deployment', exact: true }).click();
    await page.keyboard.press('Escape');
    await expect.poll(last, { timeout: 5_000 }).toEqual({ refId: 'A', namespace: ['shop'], kind: ['Deployment'] });
    await page.getByRole('radio', { name: 'Status counts' }).check();
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({ queryType: 'counts' });
    await expect.poll(() => page.getByLabel('Limit').count()).toBe(0);
    await page.getByRole('radio', { name: 'Problems' }).check();
    await page.getByRole('radio', { name: 'Oldest first' }).check();
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({ queryType: 'problems', sort: 'age' });
    await page.getByRole('radio', { name: 'Worst first' }).check();
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({ queryType: 'problems', sort: 'severity' });
    await page.getByRole('radio', { name: 'Topology' }).check();
    await page.getByLabel('Only what is broken').check({ force: true });
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({ queryType: 'topology', focus: true });
    await page.getByLabel('Only what is broken').uncheck({ force: true });
    await page.getByLabel('Limit').fill('50');
    await page.getByLabel('Text').fill('web');
    await page.keyboard.press('Enter');
    await expect.poll(last, { timeout: 5_000 }).toEqual({
      refId: 'A',
      queryType: 'topology',
      namespace: ['shop'],
      kind: ['Deployment'],
      sort: 'severity',
      limit: 50,
      text: 'web',
    });
    expect(await page.evaluate(() => (window as any).harness.changed.at(-1))).toBe('run');
    await picture('query-editor');
  });

  test('a template variable may be typed', async () => {
    await show('query', { refId: 'A' });
    await page.getByLabel('Namespace').fill('$namespace');
    await page.getByRole('option', { name: '$namespace' }).click();
    await expect.poll(last, { timeout: 5_000 }).toEqual({ refId: 'A', namespace: ['$namespace'] });
  });

  test('the configuration editor tells the URL, the credentials and how to verify', async () => {
    await show('config', { url: '', jsonData: {}, secureJsonFields: {} });
    await page.getByLabel('URL').fill('http://astrolabe:8080');
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({ url: 'http://astrolabe:8080', access: 'proxy' });
    await page.getByLabel('Authorization').fill('Bearer abc');
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({
      jsonData: { httpHeaderName1: 'Authorization' },
      secureJsonData: { httpHeaderValue1: 'Bearer abc' },
    });
    await page.getByLabel('Certificate authority').fill('-----BEGIN CERTIFICATE-----\nMII');
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({
      jsonData: { httpHeaderName1: 'Authorization', tlsAuthWithCACert: true },
      secureJsonData: { httpHeaderValue1: 'Bearer abc', tlsCACert: '-----BEGIN CERTIFICATE-----\nMII' },
    });
    await page.getByLabel('Skip TLS verification').check({ force: true });
    await expect
      .poll(last, { timeout: 5_000 })
      .toMatchObject({ jsonData: { httpHeaderName1: 'Authorization', tlsSkipVerify: true } });
    await picture('configuration-editor');
  });

  test('either the token of the user is forwarded, or the data source has one', async () => {
    await show('config', {
      url: 'http://a',
      jsonData: { httpHeaderName1: 'Authorization' },
      secureJsonFields: { httpHeaderValue1: true },
    });
    await page.getByLabel("Forward the signed-in user's token").check({ force: true });
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({
      jsonData: { oauthPassThru: true },
      secureJsonFields: { httpHeaderValue1: false },
    });
    expect((await last()).jsonData.httpHeaderName1).toBeUndefined();
    expect(await page.getByLabel('Authorization').isEnabled()).toBe(false);
    await page.getByLabel("Forward the signed-in user's token").uncheck({ force: true });
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({ jsonData: { oauthPassThru: false } });
    await page.getByLabel('Authorization').fill('Bearer abc');
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({ jsonData: { httpHeaderName1: 'Authorization' } });
  });

  test('secrets that are set are not shown, and can be reset', async () => {
    await show('config', {
      url: 'http://a',
      jsonData: { httpHeaderName1: 'Authorization', tlsAuthWithCACert: true },
      secureJsonFields: { httpHeaderValue1: true, tlsCACert: true },
    });
    expect(await page.getByLabel('Authorization').isEnabled()).toBe(false);
    expect(await page.getByLabel('Certificate authority').isEnabled()).toBe(false);
    await page.getByRole('button', { name: 'Reset' }).last().click();
    await expect.poll(last, { timeout: 5_000 }).toMatchObject({
      jsonData: { httpHeaderName1: 'Authorization' },
      secureJsonFields: { httpHeaderValue1: true, tlsCACert: false },
    });
    expect((await last()).jsonData.tlsAuthWithCACert).toBeUndefined();
    await page.getByRole('button', { name: 'Reset' }).click();
    await expect
      .poll(last, { timeout: 5_000 })
      .toMatchObject({ secureJsonFields: { httpHeaderValue1: false, tlsCACert: false } });
  });
});
