/** How a token goes along with what a browser sends. */

/** The protocol beside which a WebSocket offers its token: it can set no header. As the Kubernetes API has it. */
const TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io.";

/** What a client shows to be let in. token: null for none. forget: it is of no use (any more). */
export interface Access {
  readonly token: string | null;
  forget(): void;
}

/** The subprotocols that a WebSocket offers. */
export function protocolsWith(protocol: string, token: string | null): string[] {
  if (token === null) return [protocol];
  const base64 = btoa(bytesOf(token)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [protocol, TOKEN_PROTOCOL + base64];
}

/** The headers of any other request. */
export function headersWith(token: string | null): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${bytesOf(token)}` };
}

/** Of any text that the server may hold: UTF-8, each byte as a character, which is all that a header takes. */
function bytesOf(token: string): string {
  return String.fromCharCode(...new TextEncoder().encode(token));
}
