import { ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface, Interface } from 'node:readline';

export const ROOT = path.resolve(__dirname, '../../../../..');

/** A real Astrolabe that serves a small cluster and changes it when told to (tests/support/shop_server.py). */
export class Astrolabe {
  private constructor(
    readonly port: number,
    private readonly process: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    private readonly reader: Interface
  ) {}

  static async start(): Promise<Astrolabe> {
    const python = process.env.PYTHON ?? path.join(ROOT, '.venv/bin/python');
    const environment = { ...process.env, PYTHONPATH: ROOT };
    const started = spawn(python, ['-m', 'tests.support.shop_server'], {
      cwd: ROOT,
      env: environment,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const reader = createInterface({ input: started.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (done) {
      throw new Error('Astrolabe did not start');
    }
    return new Astrolabe(Number(value), started, lines, reader);
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
    await ended;
    this.reader.close();
  }
}
