import type { ImpactLevels, Kinds, ProblemNode } from "@astrolabe/stream";
import { nameOf } from "../cluster/names";
import type { Forecast as ForecastOf } from "../state/answers";
import type { Viewer } from "../state/viewer";
import { Glyph } from "./glyph";

type Level = keyof ImpactLevels<unknown>;

/** The levels of impact, with their titles and verbs. */
const LEVELS: readonly { level: Level; title: string; one: string; many: string }[] = [
  { level: "stops", title: "Stops working", one: "stops working", many: "stop working" },
  { level: "degrades", title: "Goes on with less", one: "goes on with less", many: "go on with less" },
  { level: "losesCopy", title: "Loses a copy", one: "loses a copy", many: "lose a copy" },
];

/** What would happen without a resource: everything that depends on it. */
export function Forecast({ viewer, forecast }: { viewer: Viewer; forecast: ForecastOf }) {
  const { target, later, entries } = forecast;
  const { kinds } = viewer.graph;
  const parts = LEVELS.flatMap(({ level, one, many }) => {
    const counts = forecast.counts[level];
    const told = tellingOf(kinds, counts);
    return told.length === 0 ? [] : [`${inWords(kinds, told)} ${isOne(told) ? one : many}`];
  });
  if (later.length > 0) {
    const told = tellingOf(kinds, countKinds(later));
    parts.push(`${inWords(kinds, told)} ${isOne(told) ? "fails" : "fail"} at the next start`);
  }
  return (
    <div class="forecast">
      <p>
        <strong>
          Without {target.kind} {target.name}:
        </strong>{" "}
        {parts.length > 0 ? `${parts.join("; ")}.` : "nothing else is affected."}
        {entries > 0 && ` Users notice it at ${entries === 1 ? "1 entry point" : `${entries} entry points`}.`}
      </p>
      {parts.length > 0 && (
        <details>
          <summary>List</summary>
          <div>
            {LEVELS.map(({ level, title }) => (
              <Names key={level} viewer={viewer} title={title} nodes={forecast.levels[level]} />
            ))}
            <Names viewer={viewer} title="Fails at its next start" nodes={later} />
          </div>
        </details>
      )}
    </div>
  );
}

/** Kinds that are named; others are counted together. */
const NAMED = 3;

type Counted = readonly (readonly [kind: string, number: number])[];

/** The kinds by number; those that only pass on the status of others go without saying. */
function tellingOf(kinds: Kinds, counts: Readonly<Record<string, number>>): Counted {
  const all = Object.entries(counts).sort(([, one], [, other]) => other - one);
  const telling = all.filter(([kind]) => !kinds.of(kind).relays);
  return telling.length > 0 ? telling : all;
}

const isOne = (told: Counted): boolean => told.length === 1 && told[0]?.[1] === 1;

/** `58 Pods, 3 Services, 2 Jobs, 12 others`. */
function inWords(kinds: Kinds, told: Counted): string {
  const words = told.slice(0, NAMED).map(([kind, number]) => kinds.counted(number, kind));
  const rest = told.slice(NAMED).reduce((sum, [, number]) => sum + number, 0);
  return [...words, ...(rest > 0 ? [`${rest} ${rest === 1 ? "other" : "others"}`] : [])].join(", ");
}

function countKinds(nodes: readonly ProblemNode[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of nodes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function Names(props: { viewer: Viewer; title: string; nodes: readonly ProblemNode[] }) {
  const { viewer, title, nodes } = props;
  if (nodes.length === 0) return null;
  return (
    <section>
      <h3>
        {title} <span class="number">{nodes.length}</span>
      </h3>
      <ul>
        {nodes.map((node) => (
          <li key={nameOf(node)}>
            <button type="button" class="node-link" onClick={() => viewer.select(nameOf(node))}>
              {node.status && <Glyph status={node.status} label={node.status} />}
              <abbr title={node.kind}>{viewer.graph.kinds.of(node.kind).abbreviation}</abbr>
              <span class="name">{node.name}</span>
              <span class="where">{[node.cluster, node.namespace].filter(Boolean).join(" / ")}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
