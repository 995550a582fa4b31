/** A real nginx before the cluster, as people have them: what there is, tests/support/proxies.py says. */

import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { type Cluster, PYTHON, ROOT } from "./cluster";

/** Whether there is one. Where everything is tested, there must be. */
export function isInstalled(): boolean {
  try {
    execFileSync("sh", ["-c", "PATH=$PATH:/usr/sbin command -v nginx"]);
    return true;
  } catch {
    return Boolean(process.env["CI"]);
  }
}

/** configuration: one of `NGINX` there. */
export class Nginx {
  readonly url: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;

  private constructor(process: ChildProcessByStdio<Writable, Readable, null>, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async before(cluster: Cluster, configuration: string, tls = false): Promise<Nginx> {
    const args = [
      "-m",
      "tests.support.proxies",
      configuration,
      String(cluster.port),
      ...(tls ? ["tls"] : []),
    ];
    const started = spawn(PYTHON, args, {
      cwd: ROOT,
      env: { ...process.env, PYTHONPATH: ROOT, PATH: `${process.env["PATH"]}:/usr/sbin` },
      stdio: ["pipe", "pipe", "inherit"],
    });
    for await (const url of createInterface({ input: started.stdout })) return new Nginx(started, url);
    throw new Error("nginx did not start");
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    if (this.#process.exitCode === null) await once(this.#process, "exit");
  }
}
