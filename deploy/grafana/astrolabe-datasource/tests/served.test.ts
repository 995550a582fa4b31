// @vitest-environment jsdom
/** What the server itself gives to Grafana, read as Grafana reads it. */
import { DataFrame, dataFrameFromJSON, FieldType, toDataFrame } from '@grafana/data';
import { JSONPath } from 'jsonpath-plus';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Astrolabe } from './support/astrolabe';

let astrolabe: Astrolabe;

beforeAll(async () => {
  astrolabe = await Astrolabe.start();
  await astrolabe.tell('crowd 300');
});

afterAll(() => astrolabe.stop());

const QUERIES = ['', '?limit=1000', '?limit=30', '?namespace=shop', '?namespace=shop&limit=3', '?kind=Pod&limit=1'];

function values(frame: DataFrame, name: string): any[] {
  return frame.fields.find((field) => field.name === name)!.values;
}

describe.each(QUERIES)('of %s', (query) => {
  test('data frames are those of a node graph', async () => {
    const served = await astrolabe.json<any[]>(`/api/v1/grafana/frames${query}`);
    const [nodes, edges] = served.map((frame) => dataFrameFromJSON(frame));
    expect(nodes.length).toBeGreaterThan(0);
    check(nodes, edges);
  });

  test('rows make the same frames', async () => {
    const { nodes, edges } = await astrolabe.json<any>(`/api/v1/grafana/nodegraph${query}`);
    check(toDataFrame(nodes), toDataFrame(edges));
  });
});

function check(nodes: DataFrame, edges: DataFrame): void {
  const ids = new Set(values(nodes, 'id'));
  expect(ids.size).toBe(nodes.length);
  if (edges.length > 0) {
    expect(new Set(values(edges, 'id')).size).toBe(edges.length);
    expect([...values(edges, 'source'), ...values(edges, 'target')].filter((id) => !ids.has(id))).toEqual([]);
  }
  const types = Object.fromEntries(nodes.fields.map((field) => [field.name, field.type]));
  expect(types).toMatchObject({
    id: FieldType.string,
    title: FieldType.string,
    mainStat: FieldType.string,
    arc__ready: FieldType.number,
    arc__error: FieldType.number,
    fixedX: FieldType.number,
    fixedY: FieldType.number,
  });
  const arcs = nodes.fields.filter((field) => field.name.startsWith('arc__'));
  for (let row = 0; row < nodes.length; row++) {
    expect(arcs.reduce((sum, field) => sum + field.values[row], 0)).toBeCloseTo(1);
  }
}

test('columns that are filled path by path from a flat stream are of equal length', async () => {
  const socket = new WebSocket(
    `ws://127.0.0.1:${astrolabe.port}/api/v1/ws/flat/changes/namespace=shop/kind=Pod,Service`
  );
  await new Promise((resolve) => socket.once('open', resolve));
  const keys = ['time', 'op', 'uid', 'kind', 'namespace', 'name', 'status', 'reason', 'message', 'release', 'seq'];
  const columns: Record<string, unknown[]> = Object.fromEntries(keys.map((key) => [key, []]));
  const three = new Promise<void>((resolve) =>
    socket.on('message', (data) => {
      const json = JSON.parse(String(data));
      Object.entries(columns).forEach(([key, values]) => values.push(...JSONPath({ path: `$.${key}`, json })));
      if (columns.op.length === 3) {
        resolve();
      }
    })
  );
  await astrolabe.tell('set Pod one Ready');
  await astrolabe.tell('set Deployment other Ready');
  await astrolabe.tell('set Pod one Error');
  await astrolabe.tell('remove Pod one');
  await three;
  socket.close();
  expect(new Set(Object.values(columns).map((values) => values.length))).toEqual(new Set([3]));
  expect(columns.op).toEqual(['set', 'set', 'remove']);
  expect(columns.name).toEqual(['one', 'one', 'one']);
  expect(columns.status).toEqual(['Ready', 'Error', 'Error']);
});
