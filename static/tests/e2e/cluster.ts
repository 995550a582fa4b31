/** A served, simulated cluster in a process of its own, and a network that a test may cut. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
export const PYTHON = process.env["ASTROLABE_PYTHON"] ?? `${ROOT}.venv/bin/python`;

/** Who is concerned by a crash. at: milliseconds since 1970. */
export interface Crash {
  readonly namespace: string;
  readonly release: string;
  readonly ingress: string;
  readonly service: string;
  readonly workload: string;
  readonly pod: string;
  readonly at: number;
}

/** hold: a kind that the API server does not list before `release`. forbid: one that may not be read. */
export interface Incident {
  readonly scale: number;
  readonly churn: number;
  readonly hold?: string;
  readonly forbid?: string;
}

const SERVING = /serving http\S+, (\d+) nodes/;
const LISTENING = / listening at /;

type Process = ChildProcessByStdio<Writable, Readable, Readable>;

/** nodes: how many there were when it was ready. log: what it has said. */
export class Cluster {
  nodes = 0;
  readonly log: string[] = [];
  readonly port: number;
  readonly url: string;
  readonly #args: readonly string[];
  #process: Process | null = null;
  #lines: AsyncIterator<string> | null = null;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}/`;
    this.#args = args;
  }

  /** `tests/support/incident.py`, with everything in it, unless something is kept from it. */
  static async start(options: Incident): Promise<Cluster> {
    const port = await freePort();
    const { scale, churn, hold, forbid } = options;
    const faults = [hold && `hold=${hold}`, forbid && `forbid=${forbid}`].filter(
      (each) => each !== undefined,
    );
    const args = ["-m", "tests.support.incident", String(port), String(scale), String(churn), ...faults];
    const cluster = new Cluster(port, args);
    await cluster.restart(hold === undefined && forbid === undefined ? SERVING : LISTENING);
    return cluster;
  }

  /** `tests/support/tenant_server.py`: users with rights of their own; a user's token is their name. */
  static async tenants(): Promise<Cluster> {
    const port = await freePort();
    const cluster = new Cluster(port, ["-m", "tests.support.tenant_server", String(port)]);
    await cluster.restart();
    return cluster;
  }

  /** `tests/support/union_server.py`: `prod-eu` and its clone `prod-us`, and `staging`, as one graph. */
  static async union(): Promise<Cluster> {
    const port = await freePort();
    const cluster = new Cluster(port, ["-m", "tests.support.union_server", String(port)]);
    await cluster.restart();
    return cluster;
  }

  /** What anybody starts with `astrolabe demo`, and these flags. */
  static async demo(...flags: readonly string[]): Promise<Cluster> {
    const port = await freePort();
    const args = ["-m", "astrolabe.cli", "demo", "--host=127.0.0.1", `--port=${port}`, ...flags];
    const cluster = new Cluster(port, args);
    await cluster.restart();
    return cluster;
  }

  /** Begin, or begin again at the same address, with another epoch. */
  async restart(begun = SERVING): Promise<void> {
    const started = spawn(PYTHON, this.#args, { cwd: ROOT, env: { ...process.env, PYTHONPATH: ROOT } });
    this.#process = started as Process;
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.nodes = await served(this.#process, this.log, begun);
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (running === null || running.exitCode !== null) return;
    running.kill("SIGKILL");
    await once(running, "exit");
  }

  crash(): Promise<Crash> {
    return this.tell("crash") as Promise<Crash>;
  }

  /** Carry out a command of the program. */
  async tell(
    command:
      | "crash"
      | "away"
      | "back"
      | "release"
      | `${"away" | "back"} ${string}`
      | `${"grant" | "withdraw" | "forget"} ${string}`,
  ): Promise<unknown> {
    this.#process?.stdin.write(`${command}\n`);
    const line = await this.#lines?.next();
    return JSON.parse(line?.value ?? "");
  }
}

/** Reads the log, and waits until it says so: how many nodes. */
async function served(process: Process, log: string[], begun: RegExp): Promise<number> {
  const lines = createInterface({ input: process.stderr });
  return new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      log.push(line);
      const said = begun.exec(line);
      if (said) resolve(Number(said[1] ?? 0));
    });
    process.once("exit", () => reject(new Error(`it ended:\n${log.join("\n")}`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Lies between the page and the cluster: forwards connections, until they are cut. */
export class Network {
  url = "";
  #open = true;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((client) => this.#forward(client, port));
  }

  static async before(cluster: Cluster): Promise<Network> {
    const network = new Network(cluster.port);
    network.#server.listen(0, "127.0.0.1");
    await once(network.#server, "listening");
    network.url = `http://127.0.0.1:${(network.#server.address() as AddressInfo).port}/`;
    return network;
  }

  /** Every connection ends, and no new one is made. */
  cut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#open = true;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #forward(client: Socket, port: number): void {
    if (!this.#open) {
      client.destroy();
      return;
    }
    const server = connect(port, "127.0.0.1");
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
  }
}
