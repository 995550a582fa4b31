import { useEffect, useState } from "preact/hooks";
import type { Page } from "../state/page";
import { isGrowing } from "../state/trust";
import type { Viewer } from "../state/viewer";
import { QueryField } from "./query-field";
import { sentence } from "./sentence";

/** A search that everything on the page is filtered by: the picture, the problems and all counts. */
export function FilterField({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { filter } = page.view;
  const [text, setText] = useState(filter.q);
  useEffect(() => setText(filter.q), [filter.q]);
  const apply = (q: string) => {
    const trimmed = q.trim();
    setText(trimmed);
    if (trimmed !== filter.q) viewer.setFilter({ ...filter, q: trimmed });
  };
  return (
    <div class="filter-query" data-chosen={filter.q !== ""}>
      <QueryField
        id="filter"
        label="Filter"
        placeholder="Filter: ns:shop* -kind:job"
        query={viewer.filterSearch}
        limit={0}
        text={text}
        setText={setText}
        submit={apply}
        cancel={() => setText(filter.q)}
        isGrowing={isGrowing(page.trust)}
      />
      {text !== "" && (
        <button
          type="button"
          class="plain"
          aria-label="Clear the search of the filter"
          onClick={() => apply("")}
        >
          <svg viewBox="-8 -8 16 16" aria-hidden="true">
            <path d="M-4-4 4 4M4-4-4 4" />
          </svg>
        </button>
      )}
      {page.fault !== "" && (
        <p class="fault" role="alert">
          {sentence(page.fault)}
        </p>
      )}
    </div>
  );
}
