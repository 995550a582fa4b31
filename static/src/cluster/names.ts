/** Names of resources that a person may share: they outlive a deletion and a restart, as uids do not. */

import type { Node } from "@astrolabe/stream";

/** `Pod/shop/web-1`; `Node//node-1` for one without a namespace; of one of several clusters `prod@Pod/shop/web-1`. */
export type Name = string;

interface Named {
  readonly kind: string;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly name: string;
}

export const nameOf = (thing: Named): Name =>
  inCluster(thing.cluster, `${thing.kind}/${thing.namespace ?? ""}/${thing.name}`);

/** A name or an id, with the cluster that it is in; as it is when there is only one. */
export const inCluster = (cluster: string | undefined, text: string): string =>
  cluster ? `${cluster}@${text}` : text;

/** An at sign may be in the name of a resource, but not in front of a slash. */
const CLUSTER = /^([a-z0-9.-]+)@/;

/** The cluster that a name or an id begins with, or nothing. */
export const clusterIn = (text: string): string => CLUSTER.exec(text)?.[1] ?? "";

export const withoutCluster = (text: string): string => text.replace(CLUSTER, "");

/** What a person reads: `Pod web-1`. */
export const titleOf = (thing: Named): string => `${thing.kind} ${thing.name}`;

/**
 * The command that shows it in a terminal. The group is part of it: a kind may be in several. context: of the kubeconfig,
 * as whoever types it may be at another cluster; empty if there is none.
 */
export function kubectl(node: Node, context = ""): string {
  const group = node.apiVersion?.includes("/") ? `.${node.apiVersion.split("/")[0]}` : "";
  const place = node.namespace ? ` -n ${node.namespace}` : "";
  const where = context === "" ? "" : ` --context ${quoted(context)}`;
  return `kubectl${where} describe ${node.kind.toLowerCase()}${group}/${node.name}${place}`;
}

/** As one word of a shell, whatever somebody has named it. */
const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
