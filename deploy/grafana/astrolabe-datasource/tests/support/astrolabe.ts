import { ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { vi } from 'vitest';

export const ROOT = path.resolve(__dirname, '../../../../..');

/** A real Astrolabe. */
export class Astrolabe {
  private constructor(
    readonly port: number,
    private readonly process: ChildProcess,
    private readonly lines: AsyncIterator<string>
  ) {}

  /** One that serves a small cluster and changes it when told to (tests/support/shop_server.py). */
  static async start(): Promise<Astrolabe> {
    const started = python(['-m', 'tests.support.shop_server'], 'inherit');
    const lines = createInterface({ input: started.stdout! })[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (done) {
      throw new Error('Astrolabe did not start');
    }
    return new Astrolabe(Number(value), started, lines);
  }

  /** One with users (tests/support/tenant_server.py): a user's token is their name. */
  static async tenants(): Promise<Astrolabe> {
    return Astrolabe.programme('tests.support.tenant_server');
  }

  private static async programme(name: string): Promise<Astrolabe> {
    const started = python(['-m', name, '0'], 'pipe');
    const log = createInterface({ input: started.stderr! });
    const port = await new Promise<number>((resolve, reject) => {
      started.once('exit', () => reject(new Error('Astrolabe did not start')));
      log.on('line', (line) => /^serving http.*:(\d+)\//.exec(line)?.slice(1).map(Number).forEach(resolve));
    });
    return new Astrolabe(port, started, createInterface({ input: started.stdout! })[Symbol.asyncIterator]());
  }

  /** One of several clusters, of which two are clones (tests/support/union_server.py). */
  static async union(): Promise<Astrolabe> {
    return Astrolabe.programme('tests.support.union_server');
  }

  /** One that serves a simulated cluster in motion, once it knows all of it; it takes no commands. */
  static async demo(): Promise<Astrolabe> {
    const started = python(['-m', 'astrolabe.cli', 'demo', '--host', '127.0.0.1', '--port', '0'], 'pipe');
    const log = createInterface({ input: started.stderr! });
    const port = await new Promise<number>((resolve, reject) => {
      started.once('exit', () => reject(new Error('the demo did not start')));
      log.on('line', (line) => / listening at .*:(\d+)$/.exec(line)?.slice(1).map(Number).forEach(resolve));
    });
    const demo = new Astrolabe(port, started, createInterface({ input: started.stdout! })[Symbol.asyncIterator]());
    await vi.waitUntil(async () => (await demo.json<{ synced: boolean }>('/health')).synced, 30_000);
    return demo;
  }

  /** Carry out a command; returns the seq after it. */
  async tell(command: string): Promise<number> {
    this.process.stdin!.write(`${command}\n`);
    const { value, done } = await this.lines.next();
    if (done) {
      throw new Error(`Astrolabe ended at: ${command}`);
    }
    return Number(value);
  }

  async json<T>(pathAndQuery: string): Promise<T> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${pathAndQuery}`);
    if (!answer.ok) {
      throw new Error(`${answer.status} ${await answer.text()}`);
    }
    return (await answer.json()) as T;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdin!.end();
    this.process.kill('SIGTERM');
    await ended;
  }
}

function python(args: string[], stderr: 'pipe' | 'inherit'): ChildProcess {
  return spawn(process.env.PYTHON ?? path.join(ROOT, '.venv/bin/python'), args, {
    cwd: ROOT,
    env: { ...process.env, PYTHONPATH: ROOT },
    stdio: ['pipe', 'pipe', stderr],
  });
}
