import { countValues, EVERYTHING, isEverything, toggle } from "../cluster/filter";
import type { Page } from "../state/page";
import type { Viewer } from "../state/viewer";
import { FilterField } from "./filter-field";
import { Menu, type Option } from "./menu";
import { Side } from "./table/table";

type Field = "namespaces" | "releases" | "kinds";

const FIELDS: readonly { field: Field; title: string }[] = [
  { field: "namespaces", title: "Namespace" },
  { field: "releases", title: "Release" },
  { field: "kinds", title: "Kind" },
];

/** The filter: what is shown, and what is hidden. */
export function FilterBar({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { filter, scope } = page.view;
  const { hidden } = page;
  return (
    <div class="filters" role="toolbar" aria-label="Filters">
      <Side viewer={viewer} page={page} />
      {FIELDS.map(({ field, title }) => (
        <Menu
          key={field}
          title={title}
          chosen={[...filter[field]]}
          options={() => optionsOf(viewer, field)}
          toggle={(value) => viewer.setFilter({ ...filter, [field]: toggle(filter[field], value) })}
          clear={() => viewer.setFilter({ ...filter, [field]: new Set() })}
        />
      ))}
      <FilterField viewer={viewer} page={page} />
      {page.overview === null && page.view.table === null && (
        <Menu
          title="Edges"
          note={`${page.edgeTypes.size - hiddenOf(page).length} of ${page.edgeTypes.size}`}
          chosen={[...page.edgeTypes.keys()].filter((type) => !hidden.has(type))}
          options={() => edgeOptions(page)}
          toggle={(type) => viewer.setHidden(toggle(hidden, type))}
        />
      )}
      {!isEverything(filter) && (
        <button type="button" class="plain" onClick={() => viewer.setFilter(EVERYTHING)}>
          Clear filters
        </button>
      )}
      {Object.entries(scope).map(([name, value]) => (
        <span key={name} class="scope" title="Filtered by the server: this page receives nothing else">
          only {name} {String(value)}
        </span>
      ))}
    </div>
  );
}

const hiddenOf = (page: Page): string[] => [...page.edgeTypes.keys()].filter((type) => page.hidden.has(type));

function optionsOf(viewer: Viewer, field: Field): Option[] {
  const filter = viewer.sieve;
  const counts = countValues(viewer.graph, filter, field);
  for (const value of filter[field]) if (!counts.has(value)) counts.set(value, { nodes: 0, errors: 0 });
  return [...counts]
    .filter(([value]) => value !== "")
    .map(([value, { nodes, errors }]) => ({ value, title: value, count: nodes, errors }))
    .sort((one, other) => one.title.localeCompare(other.title));
}

function edgeOptions(page: Page): Option[] {
  return [...page.edgeTypes]
    .map(([type, count]) => ({ value: type, title: type, count, errors: 0 }))
    .sort((one, other) => one.title.localeCompare(other.title));
}
