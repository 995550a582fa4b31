/** Names of resources that a person may share: they outlive a deletion and a restart, as uids do not. */

import type { Node } from "@astrolabe/stream";

/** `Pod/shop/web-1`; `Node//node-1` for one without a namespace. */
export type Name = string;

interface Named {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export const nameOf = (thing: Named): Name => `${thing.kind}/${thing.namespace ?? ""}/${thing.name}`;

/** What a person reads: `Pod web-1`. */
export const titleOf = (thing: Named): string => `${thing.kind} ${thing.name}`;

/** The command that shows it in a terminal. The group is part of it: a kind may be in several. */
export function kubectl(node: Node): string {
  const group = node.apiVersion?.includes("/") ? `.${node.apiVersion.split("/")[0]}` : "";
  const place = node.namespace ? ` -n ${node.namespace}` : "";
  return `kubectl describe ${node.kind.toLowerCase()}${group}/${node.name}${place}`;
}
