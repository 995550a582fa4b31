/** The built plugin in a real browser, behind Grafana's proxy, against a running Astrolabe. */
import { Problem } from '@astrolabe/stream';
import { Page, WebSocket } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Panel, Response, Site } from './support/browser';

let site: Site;
let page: Page;
let sockets: WebSocket[];

beforeAll(async () => {
  site = await Site.start();
});

afterAll(() => site.stop());

beforeEach(async () => {
  page = await site.page();
  sockets = [];
  page.on('websocket', (socket) => sockets.push(socket));
});

afterEach(async () => {
  site.grafana.refuses = null;
  await page.close();
});

function column(response: Response, name: string, frame = 0): unknown[] {
  return response.frames[frame].columns[name];
}

function statusOf(response: Response, name: string): unknown {
  return column(response, 'status')[column(response, 'name').indexOf(name)];
}

const PODS = { queryType: 'resources', kind: ['Pod'], namespace: ['shop'] };

describe('topology', () => {
  test('frames are those of the server', async () => {
    const panel = await new Panel(page, 'one').run({ queryType: 'topology' });
    const response = await panel.until((response) => response.frames.length === 2);
    expect(response).toMatchObject({ key: 'A', state: 'Streaming', errors: [] });
    const served = await site.astrolabe.json<any[]>('/api/v1/grafana/frames');
    served.forEach((frame, index) => {
      const columns = Object.fromEntries(
        frame.schema.fields.map(({ name }: { name: string }, at: number) => [name, frame.data.values[at]])
      );
      expect(response.frames[index].columns).toEqual(columns);
      expect(response.frames[index].types).toEqual(
        Object.fromEntries(frame.schema.fields.map(({ name, type }: any) => [name, type]))
      );
    });
  });

  test.each([8, 6, 5, 2])('above a limit of %i they still are', async (limit) => {
    const panel = await new Panel(page, 'one').run({ queryType: 'topology', limit });
    const response = await panel.until((response) => response.frames.length === 2);
    const served = await site.astrolabe.json<any>(`/api/v1/grafana/nodegraph?limit=${limit}`);
    for (const name of ['id', 'title', 'subTitle', 'mainStat', 'secondaryStat', 'arc__error', 'fixedX', 'fixedY']) {
      expect(column(response, name)).toEqual(served.nodes.map((node: any) => node[name]));
    }
    expect(column(response, 'id', 1)).toEqual(served.edges.map((edge: any) => edge.id));
  });

  test('who is drawn does not move when others come and go', async () => {
    const panel = await new Panel(page, 'one').run({ queryType: 'topology' });
    const before = await panel.until((response) => response.frames.length === 2);
    await site.astrolabe.tell('set Pod newcomer Error');
    const after = await panel.until((response) => column(response, 'title').includes('newcomer'));
    await site.astrolabe.tell('remove Pod newcomer');
    const places = (response: Response) =>
      column(response, 'id').map((id, at) => [id, [column(response, 'fixedX')[at], column(response, 'fixedY')[at]]]);
    expect(Object.fromEntries(places(after))).toMatchObject(Object.fromEntries(places(before)));
  });
});

describe('problems', () => {
  const names = (response: Response) => column(response, 'name');

  test('are those of the server, in its order, whatever status the part has', async () => {
    await site.astrolabe.tell('set Pod broken Error');
    const query = { queryType: 'problems', namespace: ['shop'], sort: 'newest' };
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/api/v1/problems')) {
        asked.push(request.url());
      }
    });
    const panel = await new Panel(page, 'one').run(query);
    const response = await panel.until((response) => response.frames.length === 1);
    const served = await site.astrolabe.json<Problem[]>('/api/v1/problems?namespace=shop&sort=newest');
    expect(names(response)).toEqual(served.map(({ cause }) => cause.name));
    expect(names(response)).toEqual(expect.arrayContaining(['web', 'web-1-abc', 'broken']));
    const pending = await new Panel(page, 'other').run({ ...query, status: ['Pending'] });
    const other = await pending.until((response) => response.frames.length === 1);
    expect(names(other)).toEqual(['web']);
    expect(sockets.length).toBe(2); // of the graph and of its problems; a status does not narrow the part
    expect(asked).toEqual([]);
    await site.astrolabe.tell('remove Pod broken');
    await panel.until((response) => response.at > other.at && !names(response).includes('broken'));
  });

  test('a topology in focus has them and what they break, and nothing else', async () => {
    const panel = await new Panel(page, 'one').run({ queryType: 'topology', focus: true });
    const before = await panel.until((response) => response.frames.length === 2);
    const served = await site.astrolabe.json<Problem[]>('/api/v1/problems?detail=true');
    const lasting = served.filter(({ ended }) => ended === undefined);
    const concerned = lasting.flatMap(({ cause, affected }) => [cause, ...affected.nodes!]).map(({ uid }) => uid);
    expect([...column(before, 'id')].sort()).toEqual([...new Set(concerned)].sort());
    await site.astrolabe.tell('set Pod broken Error');
    const after = await panel.until((response) => column(response, 'title').includes('broken'));
    expect(column(after, 'id')).toEqual(expect.arrayContaining(column(before, 'id')));
    await site.astrolabe.tell('remove Pod broken');
  });
});

describe('live', () => {
  test('a change is shown within a second', async () => {
    const panel = await new Panel(page, 'one').run(PODS);
    const first = await panel.until((response) => response.frames.length === 1);
    expect(statusOf(first, 'web-1-abc')).toBe('Error');
    const began = Date.now();
    await site.astrolabe.tell('set Pod fresh Pending');
    const second = await panel.until((response) => statusOf(response, 'fresh') === 'Pending');
    expect(second.at - began).toBeLessThan(1000);
    await site.astrolabe.tell('remove Pod fresh');
    await panel.until((response) => response.at > second.at && !column(response, 'name').includes('fresh'));
  });

  test('many changes are shown at most twice a second, and the last of them is', async () => {
    const panel = await new Panel(page, 'one').run(PODS);
    await panel.until((response) => response.frames.length === 1);
    const ends = Date.now() + 2000;
    let round = 0;
    while (Date.now() < ends) {
      round++;
      await site.astrolabe.tell(`set Pod busy-${round} Ready`);
      await site.astrolabe.tell(`remove Pod busy-${round - 1}`).catch(() => 0);
    }
    await panel.until((response) => column(response, 'name').includes(`busy-${round}`));
    const times = (await panel.responses()).map((response) => response.at);
    const gaps = times.slice(1).map((time, index) => time - times[index]);
    expect(round).toBeGreaterThan(20);
    expect(times.length).toBeGreaterThan(3);
    expect(Math.min(...gaps)).toBeGreaterThan(450);
    await site.astrolabe.tell(`remove Pod busy-${round}`);
  });

  test('after a lost connection it goes on where it was', async () => {
    const panel = await new Panel(page, 'one').run(PODS);
    await panel.until((response) => response.frames.length === 1);
    const received: string[] = [];
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => received.push(String(payload))));
    site.grafana.refuses = 503;
    site.grafana.cut();
    const lost = await panel.until((response) => response.frames[0].notices.length > 0);
    expect(lost.state).toBe('Streaming');
    expect(lost.frames[0].notices[0]).toMatch(/^Disconnected since .+: .+\. Reconnecting\.$/);
    await site.astrolabe.tell('set Pod meanwhile Error');
    site.grafana.refuses = null;
    const back = await panel.until((response) => statusOf(response, 'meanwhile') === 'Error');
    expect(back.frames[0].notices).toEqual([]);
    const types = received.map((text) => JSON.parse(text).type).filter((type) => type !== 'state');
    expect(types.slice(0, 2)).toEqual(['hello', 'delta']); // no snapshot
    await site.astrolabe.tell('remove Pod meanwhile');
  });

  test('a server without that history is followed from the beginning', async () => {
    const panel = await new Panel(page, 'one').run(PODS);
    await panel.until((response) => response.frames.length === 1);
    await site.astrolabe.tell('restart');
    await site.astrolabe.tell('crowd 0');
    await expect.poll(async () => (await panel.responses()).length, { timeout: 5000 }).toBeGreaterThan(1);
    const last = (await panel.responses()).at(-1)!;
    expect(last).toMatchObject({ state: 'Streaming', errors: [] });
    expect(statusOf(last, 'web-1-abc')).toBe('Error');
  });

  test('the last panel closes the connection, and panels with one filter share it', async () => {
    const one = await new Panel(page, 'one').run(PODS);
    const other = await new Panel(page, 'other').run({ ...PODS, queryType: 'topology' });
    await one.until((response) => response.frames.length > 0);
    await other.until((response) => response.frames.length > 0);
    expect(sockets.length).toBe(1);
    await one.stop();
    await site.astrolabe.tell('set Pod still Ready');
    await other.until((response) => column(response, 'title').includes('still'));
    await other.stop();
    await expect.poll(() => sockets[0].isClosed(), { timeout: 3000 }).toBe(true);
    await expect.poll(() => site.grafana.open, { timeout: 3000 }).toBe(0);
    await site.astrolabe.tell('remove Pod still');
  });

  test('a panel that asks again keeps its connection', async () => {
    const panel = await new Panel(page, 'one').run(PODS);
    await panel.until((response) => response.frames.length > 0);
    await panel.stop();
    await panel.run(PODS);
    await panel.until((response) => response.frames.length > 0);
    expect(sockets.length).toBe(1);
  });

  test('the proxy sees to credentials', async () => {
    await new Panel(page, 'one').run(PODS).then((panel) => panel.until((response) => response.frames.length > 0));
    expect(site.grafana.forwarded).toMatchObject({ authorization: 'Bearer of-the-data-source', upgrade: 'websocket' });
    expect(Object.keys(site.grafana.forwarded)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(origin|referer|cookie)$/)])
    );
  });
});

describe('counts and changes', () => {
  test('counts grow over time', async () => {
    const panel = await new Panel(page, 'one').run({ queryType: 'counts', namespace: ['shop'], kind: ['Pod'] });
    await panel.until((response) => column(response, 'Error')?.[0] === 1);
    await site.astrolabe.tell('set Pod broken Error');
    const after = await panel.until((response) => column(response, 'Error').at(-1) === 2);
    expect(column(after, 'Ready').at(-1)).toBe(0);
    const idle = await panel.until((response) => column(response, 'time').length >= 4);
    const times = column(idle, 'time') as number[];
    expect([...times].sort()).toEqual(times);
    await panel.stop(); // and go on when the panel asks again
    await panel.run({ queryType: 'counts', namespace: ['shop'], kind: ['Pod'] });
    await panel.until((response) => column(response, 'time').length > times.length);
    await site.astrolabe.tell('remove Pod broken');
  });

  test('changes are listed, the latest first, without what was there', async () => {
    const panel = await new Panel(page, 'one').run({ queryType: 'changes', kind: ['Pod'] });
    const first = await panel.until((response) => response.frames.length === 1);
    expect(column(first, 'name')).toEqual([]);
    await site.astrolabe.tell('set Pod a Ready');
    await site.astrolabe.tell('set Pod a Error');
    await site.astrolabe.tell('remove Pod a');
    const last = await panel.until((response) => column(response, 'name').length === 3);
    expect(column(last, 'change')).toEqual(['gone', 'changed', 'new']);
    expect(column(last, 'was')).toEqual(['Error', 'Ready', '']);
    expect(column(last, 'status')).toEqual(['', 'Error', 'Ready']);
    expect(column(last, 'message')).toEqual(['a is Error', 'a is Error', 'a is Ready']);
  });
});

describe('errors', () => {
  test('a filter that the server refuses is told, and not tried again', async () => {
    const panel = await new Panel(page, 'one').run({ kind: ['Podz'] });
    const response = await panel.until((response) => response.state === 'Error');
    expect(response.errors[0]).toMatch(/^unknown kind 'Podz'; it is one of /);
    expect(await panel.completed()).toBe(true);
    await expect.poll(() => sockets[0].isClosed()).toBe(true);
    await new Panel(page, 'other').run(PODS).then((other) => other.until(({ frames }) => frames.length === 1));
  });

  test('a server that is not reached is told, and tried again', async () => {
    site.grafana.refuses = 502;
    const panel = await new Panel(page, 'one').run(PODS);
    const response = await panel.until((response) => response.state === 'Error');
    expect(response.errors).toEqual(['Cannot reach Astrolabe: HTTP 502 refused by the proxy']);
    site.grafana.refuses = null;
    await panel.until((response) => response.state === 'Streaming' && response.frames.length === 1);
  });
});

describe('the rest', () => {
  test('variables', async () => {
    const find = (query: string) => page.evaluate((query) => (window as any).harness.find(query), query);
    expect(await find('namespaces')).toEqual([{ text: 'other' }, { text: 'shop' }]);
    expect(await find('releases')).toEqual([{ text: 'shop-app' }]);
    expect(await find('releases(other)')).toEqual([]);
    expect(await find('statuses')).toContainEqual({ text: 'Error' });
    expect(await find('kinds')).toContainEqual({ text: 'Pod' });
    await page.evaluate(() => Object.assign((window as any).harness.variables, { namespace: ['shop', 'other'] }));
    expect(await find('releases(${namespace:csv})')).toEqual([{ text: 'shop-app' }]);
    await expect(find('pods')).rejects.toThrow('"pods" is not a variable query. Use namespaces, kinds, statuses');
  });

  test('queries with variables', async () => {
    await page.evaluate(() =>
      Object.assign((window as any).harness.variables, { ns: ['shop', 'other'], text: ['lon'] })
    );
    const panel = await new Panel(page, 'one').run({
      queryType: 'resources',
      namespace: ['$ns'],
      kind: ['Pod'],
      text: '$text',
    });
    const response = await panel.until((response) => response.frames.length === 1);
    expect(column(response, 'name')).toEqual(['lone']);
    await page.evaluate(() => Object.assign((window as any).harness.variables, { all: ['*'] }));
    const queries = [{ refId: 'A', namespace: ['$ns'], release: ['$all'], text: '$text', limit: 9 }];
    expect(await page.evaluate((queries) => (window as any).harness.interpolate(queries), queries)).toEqual([
      {
        refId: 'A',
        cluster: [],
        namespace: ['other', 'shop'],
        release: [],
        kind: [],
        status: [],
        selector: '',
        text: 'lon',
        limit: 9,
      },
    ]);
  });

  test('the health of the data source', async () => {
    const check = () => page.evaluate(() => (window as any).harness.test());
    expect(await check()).toEqual({
      status: 'success',
      message: expect.stringMatching(/^Connected to Astrolabe: \d+ resources/),
    });
    site.grafana.refuses = 502;
    expect(await check()).toEqual({
      status: 'error',
      message: 'Cannot reach Astrolabe: HTTP 502 refused by the proxy',
    });
    site.grafana.refuses = 401;
    expect(await check()).toEqual({
      status: 'error',
      message: expect.stringMatching(/^Astrolabe does not accept the/),
    });
  });
});
