import { DIMENSIONS, type Dimension, type Group, type Groups, type Mood } from "../../groups/group";
import type { Page } from "../../state/page";
import type { Viewer } from "../../state/viewer";
import { useHeldOrder } from "./held-order";
import { Tile } from "./tile";
import { Trail } from "./trail";

/** What a group of each is called, and what those are called that have none. */
export const NAMES: Readonly<Record<Dimension, { one: string; many: string; none: string }>> = {
  cluster: { one: "cluster", many: "clusters", none: "cluster" },
  namespace: { one: "namespace", many: "namespaces", none: "cluster-scoped" },
  release: { one: "release", many: "releases", none: "no release" },
  kind: { one: "kind", many: "kinds", none: "no kind" },
  node: { one: "node", many: "nodes", none: "on no node" },
  zone: { one: "zone", many: "zones", none: "in no zone" },
  owner: { one: "owner", many: "owners", none: "no owner" },
};

const MOODS: Readonly<Record<Mood, string>> = { broken: "Broken", changing: "Changing", well: "Well" };

/** The map of what is too much to draw one by one: a tile for each group, the worst first. */
export function Overview({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { overview } = page;
  const held = useHeldOrder(overview?.groups ?? [], `${overview?.by} ${JSON.stringify(textOf(page))}`);
  if (overview === null) return null;
  const largest = Math.max(1, ...overview.groups.map(sizeOf));
  return (
    <section class="overview" aria-label="Overview" {...held.events}>
      <header>
        <Trail viewer={viewer} page={page} />
        <By viewer={viewer} overview={overview} several={page.clusters.length > 1} />
        <p class="sum">{sumOf(overview)}</p>
      </header>
      {held.sections.map(({ mood, groups }) => (
        <section key={mood} data-mood={mood} aria-label={MOODS[mood]}>
          <h3>
            {MOODS[mood]} <span class="number">{groups.length.toLocaleString()}</span>
          </h3>
          <ul class="tiles" onKeyDown={walk}>
            {groups.map((group) => (
              <li key={group.id} style={{ flexBasis: `${widthOf(group, largest, mood)}px` }}>
                <Tile viewer={viewer} page={page} by={overview.by} group={group} mood={mood} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}

const textOf = ({ view }: Page): string[] =>
  Object.values(view.filter).map((values: Iterable<string>) => [...values].join());

/** `82 namespaces, 26,728 resources`: the sum of what is drawn. */
function sumOf({ by, groups, nodes }: Groups): string {
  const { one, many } = NAMES[by];
  const number = groups.filter(({ title }) => title !== "").length;
  return `${number.toLocaleString()} ${number === 1 ? one : many}, ${nodes.toLocaleString()} resources`;
}

function By({ viewer, overview, several }: { viewer: Viewer; overview: Groups; several: boolean }) {
  const dimensions = DIMENSIONS.filter((each) => each !== "cluster" || several);
  return (
    <label class="sort">
      Group by
      <select
        value={overview.by}
        onChange={(event) => viewer.groupBy(event.currentTarget.value as Dimension)}
      >
        {dimensions.map((each) => (
          <option key={each} value={each}>
            {NAMES[each].one}
          </option>
        ))}
      </select>
    </label>
  );
}

const sizeOf = ({ counts }: Group): number => counts.Ready + counts.Pending + counts.Error + counts.Unknown;

/** Pixels: the area of a tile grows with its number, within what can be read. */
function widthOf(group: Group, largest: number, mood: Mood): number {
  const share = Math.sqrt(sizeOf(group) / largest);
  return Math.round(mood === "well" ? 90 + 90 * share : 130 + 130 * share);
}

/** Arrows move between tiles: left and right in their order, up and down to the nearest of another line. */
function walk(event: KeyboardEvent): void {
  const section = (event.currentTarget as HTMLElement).closest(".overview");
  const tiles = [...(section?.querySelectorAll<HTMLElement>(".tile") ?? [])];
  const at = tiles.indexOf(document.activeElement as HTMLElement);
  const from = tiles[at]?.getBoundingClientRect();
  if (from === undefined) return;
  const moves: Record<string, () => HTMLElement | undefined> = {
    ArrowRight: () => tiles[at + 1],
    ArrowLeft: () => tiles[at - 1],
    ArrowDown: () => nearest(tiles, from, (rect) => rect.top >= from.bottom - 1),
    ArrowUp: () => nearest(tiles, from, (rect) => rect.bottom <= from.top + 1),
  };
  const next = moves[event.key]?.();
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}

function nearest(tiles: readonly HTMLElement[], from: DOMRect, isBeyond: (rect: DOMRect) => boolean) {
  const far = tiles.flatMap((tile) => {
    const rect = tile.getBoundingClientRect();
    if (!isBeyond(rect)) return [];
    return [{ tile, distance: 3 * Math.abs(rect.top - from.top) + Math.abs(rect.left - from.left) }];
  });
  return far.sort((one, other) => one.distance - other.distance)[0]?.tile;
}
