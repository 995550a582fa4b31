/** Who asks, as the server knows them (`/api/v1/whoami`). */

import { fetchJson } from "./rest";
import type { UserCoverage } from "./server-state";

export interface CallingUser {
  readonly name: string;
  readonly groups: readonly string[];
}

/** user: null where the server tells nobody from anybody. coverage: null for somebody who sees everything. */
export interface Caller {
  readonly user: CallingUser | null;
  readonly coverage: UserCoverage | null;
}

/** Asks the server. stream: the URL of the WebSocket. Throws when the server does not answer, as an older one. */
export const fetchCaller = (stream: string, token: string | null): Promise<Caller> =>
  fetchJson("whoami", stream, token);
