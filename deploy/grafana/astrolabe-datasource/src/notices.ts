import { ServerState } from '@astrolabe/stream';

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
      return [
        {
          severity: 'info',
          text: `Astrolabe is still reading the cluster${progressOf(state)}. There may be more problems than shown.`,
        },
      ];
    case 'partial':
      return [{ severity: 'warning', text: `Some resources are not visible: ${missing(state)}.` }];
    case 'stale':
      return [{ severity: 'warning', text: `Stale${since(state)}${why}. Showing the last known state.` }];
    default:
      return [{ severity: 'warning', text: `The state of Astrolabe is ${state.state}${why}.` }];
  }
}

function progressOf({ progress, why = '' }: ServerState): string {
  if (!progress || progress.of === 0) {
    return why && `: ${why}`;
  }
  // After the count of kinds, the server says why the others are missing.
  const [, ...troubles] = why.split('; ');
  const read = `${progress.kinds} of ${progress.of} kinds, ${progress.objects.toLocaleString('en')} objects`;
  return `: ${[read, ...troubles].join('; ')}`;
}

function missing({ partial = [], why = '' }: ServerState): string {
  return partial.map((each) => `${each.kind} (${each.why || each.reason || 'missing'})`).join(', ') || why;
}

function since(state: ServerState): string {
  const time = new Date(state.since ?? '');
  return Number.isNaN(time.getTime()) ? '' : ` since ${time.toLocaleTimeString()}`;
}
