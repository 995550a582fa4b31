/** A proxy before the cluster that is set up as many are: under a path, and without the lines for WebSockets. */

import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Cluster } from "./cluster";

const PREFIX = "/tools/astrolabe";

/** lacks: upgrade: the handshake arrives as a plain request. host: the server is told the proxy's name for it. */
export class ReverseProxy {
  url = "";
  readonly #server: Server;
  readonly #port: number;
  readonly #lacks: "upgrade" | "host";

  private constructor(port: number, lacks: "upgrade" | "host") {
    this.#port = port;
    this.#lacks = lacks;
    this.#server = createServer((asked, answer) => this.#pass(asked, answer));
    // Whoever does not know of upgrades passes the handshake on as any other request.
    this.#server.on("upgrade", (asked, socket) => this.#handshake(asked, socket as Socket));
  }

  static async before(cluster: Cluster, lacks: "upgrade" | "host"): Promise<ReverseProxy> {
    const proxy = new ReverseProxy(cluster.port, lacks);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.url = `http://127.0.0.1:${(proxy.#server.address() as AddressInfo).port}${PREFIX}/`;
    return proxy;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #ask(asked: IncomingMessage, headers: IncomingHttpHeaders) {
    const path = asked.url?.replace(PREFIX, "");
    const host = this.#lacks === "host" ? `upstream:${this.#port}` : asked.headers.host;
    return request({
      host: "127.0.0.1",
      port: this.#port,
      method: asked.method,
      path,
      headers: { ...headers, host },
    });
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const passed = this.#ask(asked, asked.headers);
    passed.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    asked.pipe(passed);
  }

  #handshake(asked: IncomingMessage, socket: Socket): void {
    const { upgrade, connection, ...rest } = asked.headers;
    const passed = this.#ask(asked, this.#lacks === "upgrade" ? rest : { ...rest, upgrade, connection });
    passed.on("upgrade", (response, server) => {
      socket.write(head(response));
      server.pipe(socket).pipe(server);
      server.on("error", () => socket.destroy());
      socket.on("error", () => server.destroy());
    });
    passed.on("response", (response) => socket.end(head(response)));
    passed.on("error", () => socket.destroy());
    passed.end();
  }
}

function head({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
