import type { ClusterState, FallbackReason, PartialKind } from "@astrolabe/stream";
import { clock, lasting } from "../cluster/time";
import type { Page } from "../state/page";
import { isOld, type Trust, timeOf } from "../state/trust";
import type { Viewer } from "../state/viewer";
import { useNow } from "./hooks";
import { sentence } from "./sentence";

/** Says why the page may not show the current or complete state, when it does not. */
export function Banner({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { trust } = page;
  if (trust.clusters.length > 0) return <Clusters trust={trust} />;
  switch (trust.level) {
    case "disconnected":
      return <Disconnected viewer={viewer} page={page} />;
    case "stale":
      return (
        <Bar trust={trust} title={<>Stale since {since(trust)}</>}>
          {trust.why && <span>{sentence(trust.why)}</span>} <b>Showing the last known state.</b>
        </Bar>
      );
    case "syncing":
      return <Syncing trust={trust} />;
    case "partial":
      return <Partial trust={trust} />;
    case "receiving":
      if (!page.loaded) return null;
      return (
        <Bar trust={trust} title="Catching up">
          Receiving what was missed. Until then, this is the last known state.
        </Bar>
      );
    case "unknown":
      // An older server does not report its state. That is no reason for an alarm.
      if (page.state === null) return <FallbackBanner viewer={viewer} fallback={page.fallback} />;
      return (
        <Bar trust={trust} title="State unknown">
          {sentence(trust.why)}
        </Bar>
      );
    case "live":
      return <FallbackBanner viewer={viewer} fallback={page.fallback} />;
    default:
      return null;
  }
}

function Bar(props: {
  trust: Trust;
  title: preact.ComponentChildren;
  children?: preact.ComponentChildren;
  action?: preact.ComponentChildren;
}) {
  const { trust, title, children, action } = props;
  return (
    <section
      class="banner"
      data-trust={trust.level}
      role={isOld(trust) ? "alert" : undefined}
      aria-label="State of the data"
    >
      <div>
        <strong>{title}</strong> {children}
      </div>
      {action}
    </section>
  );
}

/** Which of several clusters are not live, and why. */
function Clusters({ trust }: { trust: Trust }) {
  const { clusters, others } = trust;
  const rest = others === 1 ? "The other cluster is live." : `The other ${others} clusters are live.`;
  return (
    <Bar trust={trust} title={clusters.length === 1 ? "" : "Not all clusters are live:"}>
      {clusters.map((cluster) => (
        <ClusterSaid key={cluster.name} cluster={cluster} />
      ))}
      {others > 0 && <span>{rest}</span>}
    </Bar>
  );
}

/** `prod-eu is stale since 14:03:10 (42 s): the API server cannot be reached. Showing its last known state.` */
function ClusterSaid({ cluster }: { cluster: ClusterState }) {
  const { name, state, why = "", progress, partial = [] } = cluster;
  const time = timeOf(cluster);
  if (state === "syncing") {
    const read = progress && progress.of > 0 ? `: ${progress.kinds} of ${progress.of} kinds so far` : "";
    return (
      <span>
        <b>{name}</b> is still being read{read}. There may be more problems than shown.{" "}
      </span>
    );
  }
  if (state === "partial" && partial.length > 0) {
    return (
      <span>
        <b>{name}</b> is not wholly visible: <span title={why}>{partial.map(named).join(", ")}.</span>{" "}
      </span>
    );
  }
  return (
    <span>
      <b>{name}</b> is {state} since {time === null ? "an unknown time" : <Since since={time} />}
      {why && `: ${why.replace(/\.$/, "")}`}. {state === "stale" && <b>Showing its last known state. </b>}
    </span>
  );
}

function Disconnected({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { trust } = page;
  const retry = (
    <button type="button" class="plain" onClick={() => viewer.retry()}>
      Retry
    </button>
  );
  return (
    <Bar trust={trust} title={<>Not connected since {since(trust)}</>} action={retry}>
      {page.loaded && <b>Showing the last known state.</b>} <span>{sentence(trust.why)}</span>{" "}
      <span>Reconnecting automatically.</span>
    </Bar>
  );
}

function Syncing({ trust }: { trust: Trust }) {
  const { kinds, of, objects } = trust.progress ?? { kinds: 0, of: 0, objects: 0 };
  // After the count of kinds, the server says what delays the others.
  const [, ...troubles] = trust.why.split("; ");
  return (
    <Bar trust={trust} title="Astrolabe is still reading the cluster:">
      {of > 0 && (
        <>
          <span class="steady">
            {kinds} of {of} kinds, {objects.toLocaleString()} objects so far.
          </span>{" "}
          <progress value={kinds} max={of} aria-label="Kinds read" />{" "}
        </>
      )}
      {troubles.length > 0 && <b>{sentence(troubles.join("; "))} </b>}
      <span>There may be more problems than shown.</span>
    </Bar>
  );
}

function Partial({ trust }: { trust: Trust }) {
  const { partial, why } = trust;
  return (
    <Bar trust={trust} title="Some resources are not visible:">
      {partial.length === 0 && sentence(why)}
      {partial.length > 0 && (
        <details>
          <summary>{partial.map(named).join(", ")}</summary>
          <ul>
            {partial.map((kind) => (
              <li key={`${kind.kind} ${kind.reason}`}>
                <b>{kind.kind}</b> {kind.why || REASONS[kind.reason ?? ""] || kind.reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </Bar>
  );
}

const REASONS: Readonly<Record<string, string>> = {
  forbidden: "forbidden",
  "not-served": "not served",
  skipped: "some left out",
};

/** `Secret (forbidden)`, `Pod (2 left out)`. */
function named({ kind, reason = "", objects }: PartialKind): string {
  const said = reason === "skipped" && objects ? `${objects} left out` : (REASONS[reason] ?? reason);
  return said ? `${kind} (${said})` : kind;
}

/** For whoever runs the proxy: everything works, but not in the best way. */
function FallbackBanner({ viewer, fallback }: { viewer: Viewer; fallback: FallbackReason | null }) {
  if (fallback === null) return null;
  return (
    <section class="banner" data-trust="fallback" aria-label="How updates arrive">
      <div>
        <strong>No WebSocket connection.</strong> Updates arrive as server-sent events instead.{" "}
        {LACKS[fallback]}
      </div>
      <button type="button" class="plain" onClick={() => viewer.hideFallback()}>
        Hide
      </button>
    </section>
  );
}

const LACKS: Readonly<Record<FallbackReason, preact.ComponentChild>> = {
  upgrade: (
    <>
      A proxy does not forward the WebSocket handshake. nginx needs <code>proxy_http_version 1.1;</code>{" "}
      <code>proxy_set_header Upgrade $http_upgrade;</code> <code>proxy_set_header Connection "upgrade";</code>{" "}
      <code>proxy_set_header Host $http_host;</code>
    </>
  ),
  host: (
    <>
      A proxy does not forward the Host header. nginx needs <code>proxy_set_header Host $http_host;</code>
    </>
  ),
};

function since({ since }: Trust) {
  return since === null ? "an unknown time" : <Since since={since} />;
}

/** `14:03:10 (42 s)`. */
function Since({ since }: { since: number }) {
  const now = useNow(1_000);
  return (
    <span class="steady">
      {clock(since, now)} <small aria-hidden="true">({lasting(since, now)})</small>
    </span>
  );
}
