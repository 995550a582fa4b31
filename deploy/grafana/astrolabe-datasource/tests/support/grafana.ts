import { createReadStream } from 'node:fs';
import { createServer, IncomingHttpHeaders, IncomingMessage, request, Server, ServerResponse } from 'node:http';
import { AddressInfo, connect, Socket } from 'node:net';
import path from 'node:path';

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/**
 * What of Grafana the plugin meets: files, and the proxy of data sources, which strips Origin, Referer and Cookie, adds
 * the data source's credentials, and forwards the upgrade to a WebSocket. Grafana lives below a path of its own.
 */
export class Grafana {
  /** How the proxy answers instead of forwarding; null: it forwards. */
  refuses: number | null = null;
  /** The credentials that the proxy adds: of the data source, or of whoever is signed in. */
  credentials: IncomingHttpHeaders = { authorization: 'Bearer of-the-data-source' };
  /** The headers of what was forwarded last. */
  forwarded: IncomingHttpHeaders = {};
  private readonly tunnels = new Set<Socket>();
  private readonly server: Server;

  constructor(
    private readonly target: { port: number },
    private readonly files: Record<string, string>
  ) {
    this.server = createServer((message, answer) => this.answer(message, answer));
    this.server.on('upgrade', (message: IncomingMessage, socket: Socket, head: Buffer) =>
      this.tunnel(message, socket, head)
    );
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/grafana`;
  }

  /** WebSockets that are open. */
  get open(): number {
    return this.tunnels.size;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** Cut off all WebSockets, as a failing network does. */
  cut(): void {
    this.tunnels.forEach((socket) => socket.destroy());
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(message: IncomingMessage, answer: ServerResponse): void {
    const behind = proxied(message.url!);
    if (behind === null) {
      this.serve(new URL(message.url!, 'http://x').pathname.replace(/^\/grafana\//, ''), answer);
    } else if (this.refuses !== null) {
      answer.writeHead(this.refuses, { 'content-type': 'application/json' }).end('{"message":"refused by the proxy"}');
    } else {
      const options = { port: this.target.port, path: behind, method: message.method, headers: this.headers(message) };
      const forwarded = request(options, (found) => {
        if (found.statusCode === 401) {
          answer.writeHead(400).end('Authentication to data source failed');
          return;
        }
        answer.writeHead(found.statusCode!, found.headers);
        found.pipe(answer);
      });
      forwarded.on('error', () => answer.writeHead(502).end());
      message.pipe(forwarded);
    }
  }

  private serve(name: string, answer: ServerResponse): void {
    const file = this.files[name || 'index.html'];
    if (file === undefined) {
      answer.writeHead(404).end();
      return;
    }
    answer.writeHead(200, {
      'content-type': TYPES[path.extname(file)],
      'cache-control': 'max-age=3600',
      'set-cookie': 'grafana_session=secret',
    });
    createReadStream(file).pipe(answer);
  }

  private tunnel(message: IncomingMessage, socket: Socket, head: Buffer): void {
    const behind = proxied(message.url!);
    if (behind === null || this.refuses !== null) {
      socket.end(`HTTP/1.1 ${this.refuses ?? 404} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const upstream = connect(this.target.port, '127.0.0.1');
    const lines = Object.entries(this.headers(message)).map(([name, value]) => `${name}: ${value}`);
    upstream.write(`GET ${behind} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    this.tunnels.add(socket);
    socket.pipe(upstream).pipe(socket);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ]) {
      one.on('error', () => other.destroy());
      one.on('close', () => {
        other.destroy();
        this.tunnels.delete(socket);
      });
    }
  }

  private headers(message: IncomingMessage): IncomingHttpHeaders {
    const { origin, referer, cookie, ...headers } = message.headers;
    this.forwarded = { ...headers, ...this.credentials };
    return this.forwarded;
  }
}

/** What comes behind the path of the data source's proxy; null for any other path. */
function proxied(url: string): string | null {
  return /^\/grafana\/api\/datasources\/proxy\/uid\/astrolabe(\/.*)$/.exec(url)?.[1] ?? null;
}
