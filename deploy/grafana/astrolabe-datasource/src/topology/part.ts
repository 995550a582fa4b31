import { Edge, Node, Problem } from '@astrolabe/stream';

/** What is drawn of a graph. */
export interface Part {
  nodes: ReadonlyMap<string, Node>;
  edges: ReadonlyMap<string, Edge>;
}

/** The causes of problems, what is not well because of them, and the edges between these. */
export function inFocus({ nodes, edges }: Part, problems: readonly Problem[]): Part {
  const concerned = problems.flatMap(({ cause, affected }) => [
    cause,
    ...(cause.members ?? []),
    ...(affected.nodes ?? []),
  ]);
  const kept = new Set(concerned.map(({ uid }) => uid));
  return {
    nodes: new Map([...nodes].filter(([uid]) => kept.has(uid))),
    edges: new Map([...edges].filter(([, { from, to }]) => kept.has(from) && kept.has(to))),
  };
}
