/** Why a WebSocket did not open, of which a browser tells nothing: the server is asked by plain HTTP. */

import { headersWith } from "./access";

/**
 * What lies between the page and the server does not pass on what a WebSocket needs. upgrade: the handshake
 * arrives as a plain request. host: the server is not told its own name, and so takes the page for a stranger.
 */
export type Detour = "upgrade" | "host";

/** locked: another token is needed. */
export type Finding = "locked" | "upgrade" | "unknown";

/** Of a request for the stream that is no handshake: 426 Upgrade Required, and 505 to HTTP/1.0, as nginx sends. */
const NO_HANDSHAKE = new Set([426, 505]);

/** url: of the stream, over http(s). token: the one that was shown. */
export async function lookInto(url: string, token: string | null): Promise<Finding> {
  try {
    const { status } = await fetch(url, { cache: "no-store", headers: headersWith(token) });
    if (status === 401) return "locked";
    return NO_HANDSHAKE.has(status) ? "upgrade" : "unknown";
  } catch {
    return "unknown";
  }
}
