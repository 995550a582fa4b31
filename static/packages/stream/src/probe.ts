/** Why a WebSocket did not open. A browser does not say, so the server is asked over plain HTTP. */

import { bearerHeaders } from "./credentials";

/**
 * Why the client uses server-sent events. upgrade: a proxy does not forward the WebSocket handshake. host: a proxy
 * does not forward the Host header, so the server rejects the page's Origin.
 */
export type FallbackReason = "upgrade" | "host";

/**
 * unauthorised: the server wants a (different) token. no-upgrade: the handshake arrives as a plain request.
 * reason: for people, when it is known.
 */
export interface ProbeResult {
  readonly found: "unauthorised" | "no-upgrade" | "unknown";
  readonly reason?: string;
}

/** url: of the stream, over http(s). token: the one that was sent with the handshake. */
export type Probe = (url: string, token: string | null) => Promise<ProbeResult>;

/** How a request for the stream that is no handshake is answered; 505 is for HTTP/1.0, which nginx speaks by default. */
const NO_HANDSHAKE = new Set([426, 505]);

export async function probeOverHttp(url: string, token: string | null): Promise<ProbeResult> {
  try {
    const { status } = await fetch(url, { cache: "no-store", headers: bearerHeaders(token) });
    if (status === 401) return { found: "unauthorised" };
    return { found: NO_HANDSHAKE.has(status) ? "no-upgrade" : "unknown" };
  } catch {
    return { found: "unknown" };
  }
}
