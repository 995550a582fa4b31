// @vitest-environment jsdom
/** The columns of a table of resources. */
import { Kinds, Node } from '@astrolabe/stream';
import { FieldType } from '@grafana/data';
import { expect, test } from 'vitest';
import { resourcesFrame } from '../src/frames/resources';

const IMAGE = { name: 'image', type: 'string', description: 'Of the first container.' } as const;
const NODE_NAME = { name: 'nodeName', type: 'string', description: '' } as const;
const KINDS = new Kinds([
  {
    kind: 'CronJob',
    columns: [
      { name: 'schedule', type: 'string', description: "In cron's format." },
      { name: 'suspend', type: 'boolean', description: '' },
      { name: 'lastScheduleTime', type: 'string', format: 'date-time', description: '' },
      IMAGE,
      { name: 'images', type: 'array', description: 'Of all containers.' },
    ],
  },
  {
    kind: 'Pod',
    columns: [
      { name: 'restartCount', type: 'integer', description: '' },
      NODE_NAME,
      IMAGE,
      { name: 'images', type: 'array', description: 'Of all containers.' },
      { name: 'schedule', type: 'integer', description: 'Something else.' },
    ],
  },
]);

const NIGHTLY = {
  kind: 'CronJob',
  metadata: { schedule: '0 3 * * *', suspend: false, lastScheduleTime: '2026-01-01T03:00:00Z', images: ['a:1', 'b:2'] },
};
const WEB = { kind: 'Pod', metadata: { restartCount: 4, nodeName: 'node-1' } };

/** The fields that a table of these nodes has of their kinds: title, type, values and description by name. */
function ofKinds(...nodes: Array<Partial<Node>>) {
  const all = nodes.map((node, at): [string, Node] => [
    `${at}`,
    { uid: `${at}`, name: `${at}`, status: 'Ready', ...node } as Node,
  ]);
  const { fields } = resourcesFrame(new Map(all), 'A', KINDS);
  const own = fields.filter(({ name }) => name.startsWith('metadata.'));
  return own.map(({ name, type, values, config }) => [name, config.displayName, type, [...values], config.description]);
}

test('a table of one kind has the columns of the kind, with their types and descriptions', () => {
  expect(ofKinds(NIGHTLY, { kind: 'CronJob', metadata: {} })).toEqual([
    ['metadata.schedule', 'Schedule', FieldType.string, ['0 3 * * *', ''], "In cron's format."],
    ['metadata.suspend', 'Suspend', FieldType.boolean, [false, null], undefined],
    ['metadata.lastScheduleTime', 'Last schedule time', FieldType.time, [1_767_236_400_000, null], undefined],
    ['metadata.images', 'Images', FieldType.string, ['a:1, b:2', ''], 'Of all containers.'],
  ]);
});

test('what every table has is not repeated', () => {
  expect(ofKinds(WEB).map(([name]) => name)).toEqual(['metadata.restartCount', 'metadata.images', 'metadata.schedule']);
});

test('a table of several kinds has the columns that mean the same in all of them', () => {
  expect(ofKinds(NIGHTLY, WEB).map(([name]) => name)).toEqual(['metadata.images']);
});

test('kinds that the server does not describe, and tables without rows, have no columns of their own', () => {
  expect(ofKinds(WEB, { kind: 'Widget.example.com', metadata: { images: ['a'] } })).toEqual([]);
  expect(ofKinds()).toEqual([]);
});
