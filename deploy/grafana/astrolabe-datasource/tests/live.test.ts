/** What a panel is told of a stream; the stream's own rules are tested with its package. */
import { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { LiveGraph, Update } from '../src/live';

type Act = (socket: WebSocket, heard: any) => void;

const HELLO = { type: 'hello', protocol: 'astrolabe.v1', epoch: 'e', seq: 1, heartbeat: 15 };
const NODE = { uid: 'a', kind: 'Pod', name: 'a', status: 'Ready' };
const SNAPSHOT = { type: 'snapshot', epoch: 'e', seq: 1, part: 1, last: true, nodes: [NODE], edges: [] };

/** A browser does not throw errors that nobody listens for. */
class BrowserWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    this.on('error', () => undefined);
  }
}

let server: WebSocketServer;
let acts: Act[];
let heard: any[];
let updates: Update[];
let graph: LiveGraph;
let probed: number;
let handshakesToReject: number;

beforeEach(async () => {
  globalThis.WebSocket = BrowserWebSocket as unknown as typeof globalThis.WebSocket; // Node 20 has none of its own
  [acts, heard, updates, probed, handshakesToReject] = [[], [], [], 0, 0];
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => handshakesToReject-- <= 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) =>
    socket.once('message', (data) => {
      const message = JSON.parse(String(data));
      heard.push(message);
      acts.shift()?.(socket, message);
    })
  );
});

afterEach(async () => {
  graph.stop();
  server.clients.forEach((socket) => socket.terminate());
  await new Promise((resolve) => server.close(resolve));
});

function follow(...script: Act[]): void {
  acts = script;
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  graph = new LiveGraph(url, { kind: ['Pod'] }, async () => {
    probed++;
    return { found: 'unknown', reason: 'the probe says so' };
  });
  graph.listen((update) => updates.push(update));
  graph.start();
}

function send(...messages: object[]): Act {
  return (socket) => messages.forEach((message) => socket.send(JSON.stringify(message)));
}

function close(code: number, ...messages: object[]): Act {
  return (socket, message) => {
    send(...messages)(socket, message);
    socket.close(code);
  };
}

const until = (condition: () => boolean) => expect.poll(condition, { timeout: 5000, interval: 5 }).toBe(true);
const troubles = () => updates.map(({ trouble }) => trouble);

test('what is lost is resumed from where it was', async () => {
  follow(close(1001, HELLO, SNAPSHOT, { type: 'bookmark', epoch: 'e', seq: 5 }), send(HELLO));
  await until(() => heard.length === 2);
  expect(heard).toEqual([
    { type: 'subscribe', id: 'default', filter: { kind: ['Pod'] } },
    { type: 'subscribe', id: 'default', filter: { kind: ['Pod'] }, since: { epoch: 'e', seq: 5 } },
  ]);
  expect(troubles()).toEqual([undefined, undefined, 'closed with code 1001']);
  expect([...updates[2].graph.nodes.keys()]).toEqual(['a']);
});

test('a server that breaks the contract is asked for everything anew', async () => {
  const wrong = {
    type: 'delta',
    epoch: 'e',
    from: 7,
    seq: 8,
    nodes: { set: [], remove: [] },
    edges: { set: [], remove: [] },
  };
  follow(send(HELLO, SNAPSHOT, wrong), send(HELLO, { ...SNAPSHOT, seq: 9 }));
  await until(() => updates.length === 3);
  expect(troubles()[1]).toBe('the server violated the protocol: a delta of e:8 since 7, while e:1 is held');
  expect(heard[1].since).toBeUndefined();
  expect(updates[2].changes).toEqual([]);
  expect(troubles()[2]).toBeUndefined();
  expect(updates[2].graph.position).toEqual({ epoch: 'e', seq: 9 });
});

test('after a final close code it does not come back', async () => {
  follow(close(4500, HELLO, { type: 'error', code: 'forbidden', message: 'you may not' }));
  await until(() => updates.length === 1);
  expect(updates[0]).toMatchObject({ trouble: 'you may not', final: true });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(heard.length).toBe(1);
});

test('after any other it does, and says why', async () => {
  follow(close(4008, HELLO, { type: 'error', code: 'slow', message: 'too slow' }), send(HELLO, SNAPSHOT));
  await until(() => updates.length === 2);
  expect(troubles()).toEqual(['too slow', undefined]);
  expect(probed).toBe(0);
});

test('a filter that is refused is final', async () => {
  follow(send(HELLO, { type: 'error', id: 'default', code: 'bad-filter', message: 'unknown kind' }));
  await until(() => updates.length === 1);
  expect(updates[0]).toMatchObject({ trouble: 'unknown kind', final: true });
});

test('a token that has expired is no end: the proxy may have another one by now', async () => {
  const withdrawn = { type: 'error', code: 'unauthorised', message: 'the token is not known any more' };
  follow(close(4501, HELLO, SNAPSHOT, withdrawn), send(HELLO, { type: 'bookmark', epoch: 'e', seq: 2 }));
  await until(() => updates.length === 3);
  expect(troubles()).toEqual([undefined, 'the token is not known any more', undefined]);
  expect(updates.some(({ final }) => final)).toBe(false);
});

test('rights that have changed are no trouble', async () => {
  const changed = { type: 'error', code: 'rights-changed', message: 'your rights have changed; come back' };
  const state = { type: 'state', state: 'live', coverage: { hidden: ['Node'], limited: [], namespaces: [] } };
  follow(close(4010, HELLO, SNAPSHOT, changed), send(HELLO, state, { type: 'reset' }, { ...SNAPSHOT, seq: 3 }));
  await until(() => updates.length === 3);
  expect(troubles()).toEqual([undefined, undefined, undefined]);
  expect(updates[2].state?.coverage?.hidden).toEqual(['Node']);
});

test('a handshake that fails is looked into', async () => {
  handshakesToReject = 1;
  follow(send(HELLO, SNAPSHOT));
  await until(() => updates.length === 2);
  expect(troubles()).toEqual(['the probe says so', undefined]);
  expect(probed).toBe(1);
});

test('who comes later hears what is known, and who is closed hears nothing', async () => {
  follow(send(HELLO, SNAPSHOT), send(HELLO));
  await until(() => updates.length === 1);
  const later: Update[] = [];
  const stop = graph.listen((update) => later.push(update));
  expect(later.map(({ changes, trouble }) => [changes, trouble])).toEqual([[[], undefined]]);
  stop();
  expect(graph.isUnused).toBe(false);
  graph.stop();
  server.clients.forEach((socket) => socket.terminate());
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect([updates.length, later.length, heard.length]).toEqual([1, 1, 1]);
});

test('what the server says of itself is told, and forgotten with the connection', async () => {
  const state = (name: string, more = {}) => ({ type: 'state', state: name, ...more });
  const partial = state('partial', { partial: [{ kind: 'Secret', reason: 'forbidden', colour: 'red' }], mood: 1 });
  follow(close(1001, HELLO, state('syncing'), SNAPSHOT, partial), send(HELLO, { type: 'weather' }));
  await until(() => updates.length === 3);
  expect(updates.map((update) => update.state?.state)).toEqual(['syncing', 'partial', undefined]);
  expect(updates[1].changes).toEqual([]);
  expect(troubles().slice(0, 2)).toEqual([undefined, undefined]);
});
