/** What a variable's query asks for; `names`: of namespaces, for releases. */
export interface VariableQuery {
  what: 'clusters' | 'namespaces' | 'releases' | 'kinds' | 'statuses';
  names: string[];
}

export const VARIABLE_HELP = 'namespaces, kinds, statuses, clusters, releases, or releases(shop,$namespace)';

const PATTERN = /^\s*(clusters|namespaces|releases|kinds|statuses)\s*(?:\(([^)]*)\))?\s*$/;

/** The query of a text such as `releases(shop,pay)`. Throws for any other. */
export function parseVariableQuery(text: string): VariableQuery {
  const [, what, names] = PATTERN.exec(text) ?? [];
  if (what === undefined || (names !== undefined && what !== 'releases')) {
    throw new Error(`"${text}" is not a variable query. Use ${VARIABLE_HELP}.`);
  }
  const trimmed = (names ?? '').split(',').map((name) => name.trim());
  return { what: what as VariableQuery['what'], names: trimmed.filter((name) => name !== '') };
}
