/** The token of whoever is signed in, which Grafana's proxy adds (`oauthPassThru`), against an Astrolabe with users. */
import { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Astrolabe } from './support/astrolabe';
import { Panel, Response, Site } from './support/browser';

let site: Site;
let page: Page;

beforeAll(async () => {
  site = await Site.start({ astrolabe: Astrolabe.tenants() });
});

afterAll(() => site.stop());

beforeEach(async () => {
  page = await site.page();
});

afterEach(() => page.close());

/** As Grafana forwards them: the access token is none of the cluster. */
function signIn(user: string): void {
  site.grafana.credentials = { authorization: 'Bearer opaque', 'x-id-token': user };
}

const PODS = { queryType: 'resources', kind: ['Pod'] };
const names = (response: Response) => response.frames[0].columns['name'];
const check = () => page.evaluate(() => (window as any).harness.test());

test('each sees what they may, and is told what not', async () => {
  signIn('jane');
  const panel = await new Panel(page, 'one').run(PODS);
  const response = await panel.until(({ frames }) => frames.length === 1);
  expect(names(response)).toEqual(['shop-web']);
  expect(response.frames[0].notices).toEqual([
    expect.stringMatching(
      /^Only in the namespace shop: Pod, Service\. Not visible with your rights: .* and \d+ more\.$/
    ),
  ]);
  expect(await check()).toEqual({
    status: 'success',
    message: expect.stringMatching(/^Connected to Astrolabe as jane: 2 resources\. Only in the namespace shop: /),
  });
});

test('a token that has expired is followed by the next', async () => {
  signIn('joe');
  const panel = await new Panel(page, 'one').run(PODS);
  await panel.until(({ frames }) => frames.length === 1);
  signIn('admin');
  await site.astrolabe.tell('forget joe');
  const response = await panel.until(({ frames }) => frames.length === 1 && names({ frames } as Response).length === 2);
  expect([...names(response)].sort()).toEqual(['bank-web', 'shop-web']);
  expect(response.frames[0].notices).toEqual([]);
});

test('who has no token that the cluster knows is told what to do', async () => {
  site.grafana.credentials = {};
  const panel = await new Panel(page, 'one').run(PODS);
  const response = await panel.until(({ errors }) => errors.length > 0);
  expect(response.errors[0]).toMatch(/^Astrolabe does not accept the token\. Sign in to Grafana again/);
  expect((await check()).message).toMatch(/^Astrolabe does not accept the token/);
});
