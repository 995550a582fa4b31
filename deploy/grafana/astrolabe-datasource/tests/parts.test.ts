// @vitest-environment jsdom
/** The parts of the plugin that are pure, or nearly. */
import { Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { filterOf, Replace } from '../src/filter';
import { Counts } from '../src/frames/counts';
import { idleOf } from '../src/idle';
import { Memory } from '../src/memory';
import { pace } from '../src/pace';
import { LAYERS, Node } from '@astrolabe/stream';
import { Layout } from '../src/topology/layout';
import { QueryType } from '../src/types';
import { parseVariableQuery } from '../src/variables';

describe('pace', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function paced(options: { gap: number; idle?: number }) {
    const source = new Subject<number>();
    const seen: number[] = [];
    const subscription = pace(source, options).subscribe((value) => seen.push(value));
    return { source, seen, subscription };
  }

  test('the first comes at once, then the latest after a while', () => {
    const { source, seen } = paced({ gap: 500 });
    [1, 2, 3].forEach((value) => source.next(value));
    expect(seen).toEqual([1]);
    vi.advanceTimersByTime(499);
    expect(seen).toEqual([1]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual([1, 3]);
    vi.advanceTimersByTime(5000);
    source.next(4);
    source.next(5);
    expect(seen).toEqual([1, 3, 4]);
    source.complete();
    expect(seen).toEqual([1, 3, 4, 5]);
  });

  test('when nothing comes the last comes again, if asked for, and never too soon after it', () => {
    const { source, seen, subscription } = paced({ gap: 500, idle: 2000 });
    source.next(1);
    vi.advanceTimersByTime(1999);
    expect(seen).toEqual([1]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual([1, 1]);
    vi.advanceTimersByTime(100);
    source.next(2);
    expect(seen).toEqual([1, 1]);
    vi.advanceTimersByTime(400);
    expect(seen).toEqual([1, 1, 2]);
    subscription.unsubscribe();
    vi.advanceTimersByTime(10_000);
    expect(seen).toEqual([1, 1, 2]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('errors are passed on', () => {
    const source = new Subject<number>();
    const seen: unknown[] = [];
    pace(source, { gap: 500 }).subscribe({ error: (error) => seen.push(error) });
    source.error('broken');
    expect(seen).toEqual(['broken']);
  });
});

test.each<[QueryType, number | undefined, number | undefined]>([
  ['counts', undefined, 1000],
  ['counts', 10, 1000],
  ['counts', 5000, 5000],
  ['counts', 60_000, 15_000],
  ['problems', 10, 30_000], // ages are of the time at which they are shown
  ['resources', 10, 30_000],
  ['topology', 10, undefined],
  ['changes', 10, undefined],
])('while nothing changes, %s every %s ms are shown again after %s ms', (queryType, interval, idle) => {
  expect(idleOf({ refId: 'A', queryType }, interval)).toBe(idle);
});

describe('filters', () => {
  const variables: Record<string, string | string[]> = { one: 'shop', many: ['shop', 'pay'], all: '*', none: '' };
  const replace: Replace = (text, _, format = String) =>
    text.replace(/\$(\w+)/g, (all, name) => (name in variables ? format(variables[name]) : all));

  test.each([
    [{}, {}],
    [{ namespace: ['shop', 'pay'] }, { namespace: ['pay', 'shop'] }],
    [
      { namespace: ['$one', '$many'], kind: ['Pod,Job'] },
      { namespace: ['pay', 'shop'], kind: ['Job', 'Pod'] },
    ],
    [{ namespace: ['$all'], release: ['$none', ' '] }, {}],
    [
      { text: ' $one ', selector: 'app=$one' },
      { q: 'shop', selector: 'app=shop' },
    ],
  ])('of %j are %j', (query, filter) => {
    expect(filterOf({ refId: 'A', ...query }, replace)).toEqual(filter);
  });

  test('of clusters are those that are chosen, or all', () => {
    expect(filterOf({ refId: 'A', cluster: ['prod-us', 'prod-eu'] }, (text) => text)).toEqual({
      cluster: ['prod-eu', 'prod-us'],
    });
    expect(filterOf({ refId: 'A', cluster: ['$__all'] }, (text) => text)).toEqual({});
  });
});

describe('queries of variables', () => {
  test.each([
    ['namespaces', { what: 'namespaces', names: [] }],
    [' kinds ', { what: 'kinds', names: [] }],
    ['clusters', { what: 'clusters', names: [] }],
    ['releases', { what: 'releases', names: [] }],
    ['releases( shop,pay )', { what: 'releases', names: ['shop', 'pay'] }],
    ['releases()', { what: 'releases', names: [] }],
  ])('%j', (text, query) => {
    expect(parseVariableQuery(text)).toEqual(query);
  });

  test.each(['', 'pods', 'kinds(shop)', 'releases(shop'])('%j is none', (text) => {
    expect(() => parseVariableQuery(text)).toThrow('is not a variable query');
  });
});

test('a memory forgets what was not asked for longest', () => {
  const memory = new Memory<number>(2);
  expect(memory.get('a', () => 1)).toBe(1);
  memory.get('b', () => 2);
  expect(memory.get('a', () => 9)).toBe(1);
  memory.get('c', () => 3);
  expect(memory.get('b', () => 4)).toBe(4);
});

test('a long series is thinned where it is old', () => {
  const counts = new Counts();
  const nodes = new Map<string, Node>([['a', { uid: 'a', kind: 'Pod', name: 'a', status: 'Error' }]]);
  for (let time = 0; time < 10_000; time++) {
    counts.add(nodes, time);
  }
  const [times, ready, , broken] = counts.frame('A').fields.map((field) => field.values);
  expect(times.length).toBeLessThanOrEqual(2000);
  expect(times.slice(-3)).toEqual([9997, 9998, 9999]);
  expect(times[0]).toBe(0);
  expect([...new Set(ready), ...new Set(broken)]).toEqual([0, 1]);
});

test('who stays does not move, and no two are in one place', () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  const layout = new Layout();
  let before = new Map<string, [number, number]>();
  for (let step = 0; step < 200; step++) {
    const numbers = [...new Set(Array.from({ length: 12 + random(20) }, () => random(60)))];
    const spots = numbers.map((number) => ({
      id: String(number),
      layer: LAYERS[(number * 7) % LAYERS.length],
      neighbours: numbers.filter((other) => (number + other) % 9 === 0).map(String),
    }));
    const places = layout.update(spots);
    expect(new Set([...places.values()].map(String)).size).toBe(numbers.length);
    places.forEach((place, id) => before.has(id) && expect(place).toEqual(before.get(id)));
    before = places;
  }
});
