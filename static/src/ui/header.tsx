import { toggle } from "../cluster/filter";
import { LEVELS } from "../cluster/levels";
import { isGrowing } from "../state/trust";
import type { Page, Viewer } from "../state/viewer";
import { ClusterName } from "./cluster-name";
import { ConnectionState } from "./connection";
import { Glyph } from "./glyph";
import { Logo } from "./logo";
import { SearchBox } from "./search-box";
import { ThemeSwitch } from "./theme-switch";

export function Header({ viewer, page }: { viewer: Viewer; page: Page }) {
  return (
    <header class="top">
      <Logo />
      <ClusterName cluster={page.cluster} />
      <Counts viewer={viewer} page={page} />
      <SearchBox viewer={viewer} />
      <ConnectionState viewer={viewer} page={page} />
      <a class="api" href="./docs" title="The API: read it, try it out">
        API
      </a>
      {page.signedIn && (
        <button type="button" class="plain" onClick={() => viewer.signOut()}>
          Sign out
        </button>
      )}
      <ThemeSwitch />
    </header>
  );
}

/** How many are in each state; a press shows these only. */
function Counts({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { filter } = page.view;
  return (
    <fieldset class="counts" aria-label="Filter by status">
      {LEVELS.map((level) => (
        <button
          key={level}
          type="button"
          class={level.toLowerCase()}
          aria-pressed={filter.levels.has(level)}
          data-none={page.counts[level] === 0}
          onClick={() => viewer.setFilter({ ...filter, levels: toggle(filter.levels, level) })}
        >
          <Glyph level={level} />
          <strong>{page.loaded ? page.counts[level].toLocaleString() : "–"}</strong>
          <span>{level}</span>
        </button>
      ))}
      {page.loaded && isGrowing(page.trust) && <span class="so-far">so far</span>}
    </fieldset>
  );
}
