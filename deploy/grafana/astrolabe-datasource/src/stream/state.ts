/** What the server says of itself: whether what it sends is all there is, and as it is now. */

/** A kind of which something is missing; `why`: for people. */
export interface PartialKind {
  kind: string;
  reason?: string;
  why?: string;
}

/**
 * `state`: live, syncing, partial or stale; a later server may know more. `since`: RFC 3339, when it became so.
 * `why`: one sentence, empty when live.
 */
export interface ServerState {
  type: 'state';
  state: string;
  since?: string;
  why?: string;
  progress?: { kinds: number; of: number; objects: number };
  partial?: PartialKind[];
}

/** As data frames have it in their `meta`. */
export interface Notice {
  severity: 'info' | 'warning';
  text: string;
}

/** What is to be said beside what is shown; nothing of a server that is live, or too old to tell. */
export function noticesOf(state: ServerState | undefined): Notice[] {
  if (state === undefined || state.state === 'live') {
    return [];
  }
  const why = state.why ? `: ${state.why}` : '';
  switch (state.state) {
    case 'syncing':
      return [{ severity: 'info', text: `So far: ${progressOf(state)}. More may be broken than is shown.` }];
    case 'partial':
      return [{ severity: 'warning', text: `Not everything is seen: ${missing(state)}.` }];
    case 'stale':
      return [{ severity: 'warning', text: `Stale${since(state)}${why}. This is how it was then.` }];
    default:
      return [{ severity: 'warning', text: `The state of Astrolabe is ${state.state}${why}.` }];
  }
}

function progressOf({ progress, why = '' }: ServerState): string {
  if (!progress || progress.of === 0) {
    return why || 'the cluster is being read';
  }
  // Behind the count of kinds the server says what keeps the others from coming.
  const [, ...troubles] = why.split('; ');
  const read = `${progress.kinds} of ${progress.of} kinds, ${progress.objects.toLocaleString('en')} objects`;
  return [read, ...troubles].join('; ');
}

function missing({ partial = [], why = '' }: ServerState): string {
  return partial.map((each) => `${each.kind} (${each.why || each.reason || 'missing'})`).join(', ') || why;
}

function since(state: ServerState): string {
  const time = new Date(state.since ?? '');
  return Number.isNaN(time.getTime()) ? '' : ` since ${time.toLocaleTimeString()}`;
}
