import { STATUSES } from "@astrolabe/stream";
import { toggle } from "../cluster/filter";
import type { Page } from "../state/page";
import { isGrowing } from "../state/trust";
import type { Viewer } from "../state/viewer";
import { ClusterName } from "./cluster-name";
import { ConnectionState } from "./connection";
import { Account } from "./coverage";
import { Glyph } from "./glyph";
import { Logo } from "./logo";
import { SearchBox } from "./search-box";
import { ThemeSwitch } from "./theme-switch";

export function Header({ viewer, page }: { viewer: Viewer; page: Page }) {
  return (
    <header class="top">
      <Logo />
      <ClusterName viewer={viewer} page={page} />
      <Counts viewer={viewer} page={page} />
      <SearchBox viewer={viewer} page={page} />
      <ConnectionState viewer={viewer} page={page} />
      <a class="api" href="./guide/" title="Guide: legend, keyboard shortcuts, API, errors">
        Guide
      </a>
      <a class="api" href="./docs" title="API reference">
        API
      </a>
      <Account viewer={viewer} page={page} />
      <ThemeSwitch />
    </header>
  );
}

/** How many are in each state; a press shows these only. */
function Counts({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { filter } = page.view;
  return (
    <fieldset class="counts" aria-label="Filter by status">
      {STATUSES.map((status) => (
        <button
          key={status}
          type="button"
          class={status.toLowerCase()}
          aria-pressed={filter.statuses.has(status)}
          data-none={page.counts[status] === 0}
          onClick={() => viewer.setFilter({ ...filter, statuses: toggle(filter.statuses, status) })}
        >
          <Glyph status={status} />
          <strong>{page.loaded ? page.counts[status].toLocaleString() : "–"}</strong>
          <span>{status}</span>
        </button>
      ))}
      {page.loaded && isGrowing(page.trust) && <span class="so-far">so far</span>}
    </fieldset>
  );
}
