import { EVERYTHING, isEverything } from "../../cluster/filter";
import type { Page } from "../../state/page";
import type { Viewer } from "../../state/viewer";

/** How one has come here from the whole, and the way back out. */
export function Trail({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { filter } = page.view;
  const { namespaces, releases } = filter;
  if (isEverything(filter)) return null;
  const [namespace] = namespaces;
  const [release] = releases;
  const isNamespace = namespace !== undefined && namespaces.size === 1;
  return (
    <nav class="trail" aria-label="Where this is">
      <button type="button" class="link" onClick={() => viewer.setFilter(EVERYTHING)}>
        Everything
      </button>
      {isNamespace && (
        <>
          {" › "}
          {releases.size === 0 ? (
            <b>{namespace}</b>
          ) : (
            <button
              type="button"
              class="link"
              onClick={() => viewer.setFilter({ ...EVERYTHING, namespaces: new Set([namespace]) })}
            >
              {namespace}
            </button>
          )}
        </>
      )}
      {releases.size === 1 && (
        <>
          {" › "}
          <b>{release}</b>
        </>
      )}
    </nav>
  );
}
