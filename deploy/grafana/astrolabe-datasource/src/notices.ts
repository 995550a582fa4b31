import { ClusterState, ServerState, UserCoverage } from '@astrolabe/stream';

/** As data frames have it in their `meta`. */
export interface Notice {
  severity: 'info' | 'warning';
  text: string;
}

/** Names of kinds or namespaces that a notice shows; it counts the others. */
const NAMED = 6;

/** What is to be said beside what is shown; nothing of a server that is live and hides nothing, or too old to tell. */
export function noticesOf(state: ServerState | undefined): Notice[] {
  if (state === undefined) {
    return [];
  }
  return [...troublesOf(state), ...coverageOf(state.coverage)];
}

/** What these rights do not show: those of the signed-in user, or of the data source's service account. */
function coverageOf(coverage: UserCoverage | undefined): Notice[] {
  if (!coverage) {
    return [];
  }
  const { hidden, limited, namespaces } = coverage;
  const places = namespaces.length === 1 ? 'the namespace' : 'the namespaces';
  const said = [
    limited.length > 0 && `Only in ${places} ${some(namespaces)}: ${some(limited)}.`,
    hidden.length > 0 && `Not visible with your rights: ${some(hidden)}.`,
  ].filter(Boolean);
  return said.length ? [{ severity: 'info', text: said.join(' ') }] : [];
}

/** `Node, Secret and 12 more`. */
function some(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more <= 1 ? names.join(', ') : `${names.slice(0, NAMED).join(', ')} and ${more} more`;
}

function troublesOf(state: ServerState): Notice[] {
  if (state.state === 'live') {
    return [];
  }
  const troubled = (state.clusters ?? []).filter((cluster) => cluster.state !== 'live');
  if (troubled.length > 0) {
    return troubled.map((cluster) => ({
      severity: cluster.state === 'syncing' ? 'info' : 'warning',
      text: clusterTrouble(cluster),
    }));
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

/** Of one of several clusters: the others may be live. */
function clusterTrouble(cluster: ClusterState): string {
  const { name, state, why } = cluster;
  const told = `${name} is ${state}${since(cluster)}${why ? `: ${why}` : ''}.`;
  switch (state) {
    case 'syncing':
      return `${told} There may be more problems than shown.`;
    case 'stale':
      return `${told} Showing its last known state.`;
    default:
      return told;
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

function since(state: Pick<ServerState, 'since'>): string {
  const time = new Date(state.since ?? '');
  return Number.isNaN(time.getTime()) ? '' : ` since ${time.toLocaleTimeString()}`;
}
