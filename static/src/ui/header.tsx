import { toggle } from "../cluster/filter";
import { LEVELS } from "../cluster/levels";
import type { Page, Viewer } from "../state/viewer";
import { ConnectionState } from "./connection";
import { Glyph } from "./glyph";
import { SearchBox } from "./search-box";
import { ThemeSwitch } from "./theme-switch";

export function Header({ viewer, page }: { viewer: Viewer; page: Page }) {
  return (
    <header class="top">
      <h1>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="16" cy="17" r="12" />
          <circle cx="16" cy="14" r="6.5" />
          <path d="M16 5V2M6.5 24.5 23 10" />
        </svg>
        <span>Astrolabe</span>
      </h1>
      <Counts viewer={viewer} page={page} />
      <SearchBox viewer={viewer} />
      <ConnectionState viewer={viewer} page={page} />
      <a class="api" href="./docs" title="The API: read it, try it out">
        API
      </a>
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
    </fieldset>
  );
}
