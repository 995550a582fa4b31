/** How a browser sends a token. */

/** A browser sets no header on a WebSocket, so the token goes as a second subprotocol, as in the Kubernetes API. */
const TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io.";

/** token: null for none. forget: called when the server rejects it. */
export interface Credentials {
  readonly token: string | null;
  forget(): void;
}

/** The subprotocols that a WebSocket offers. */
export function subprotocols(protocol: string, token: string | null): string[] {
  if (token === null) return [protocol];
  const base64 = btoa(binaryString(token)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [protocol, TOKEN_PROTOCOL + base64];
}

/** The headers of any other request. */
export function bearerHeaders(token: string | null): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${binaryString(token)}` };
}

/** The token in UTF-8, one character per byte: a header and btoa take nothing else. */
function binaryString(token: string): string {
  return String.fromCharCode(...new TextEncoder().encode(token));
}
