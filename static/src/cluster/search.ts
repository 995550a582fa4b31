import { type Node, type ReadonlyGraph, severity } from "@astrolabe/stream";

export interface Found {
  readonly nodes: readonly Node[];
  /** Of all, not only of those that are returned. */
  readonly total: number;
}

/** Keeps the text of each node that is searched, made once, for as long as the node lives. */
export class Search {
  readonly #texts = new WeakMap<Node, string>();

  /**
   * The nodes that have every word in their name, kind, namespace, release, chart, status or reason.
   *
   * The best first: whose name begins with a word, then who has it in the name, then the worst. most: how
   * many are returned.
   */
  find(graph: ReadonlyGraph, text: string, most: number): Found {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return { nodes: [], total: 0 };
    const found: Ranked[] = [];
    for (const node of graph.nodes.values()) {
      const all = this.#textOf(node);
      if (words.every((word) => all.includes(word))) found.push({ node, rank: rankOf(node, words) });
    }
    found.sort(bestFirst);
    return { nodes: found.slice(0, most).map((each) => each.node), total: found.length };
  }

  #textOf(node: Node): string {
    const known = this.#texts.get(node);
    if (known !== undefined) return known;
    const parts = [node.name, node.kind, node.namespace, node.release, node.chart, node.status, node.reason];
    const text = parts.filter(Boolean).join("\n").toLowerCase();
    this.#texts.set(node, text);
    return text;
  }
}

interface Ranked {
  readonly node: Node;
  readonly rank: number;
}

function bestFirst(one: Ranked, other: Ranked): number {
  return (
    one.rank - other.rank ||
    severity(other.node.status) - severity(one.node.status) ||
    one.node.name.length - other.node.name.length ||
    one.node.name.localeCompare(other.node.name)
  );
}

function rankOf(node: Node, words: readonly string[]): number {
  const name = node.name.toLowerCase();
  if (words.some((word) => name === word)) return 0;
  if (words.some((word) => name.startsWith(word))) return 1;
  return words.some((word) => name.includes(word)) ? 2 : 3;
}
