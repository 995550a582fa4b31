/**
 * How kinds are shown: the one place of the viewer that knows any by name.
 *
 * A kind that is not here is shown, too, with the capitals of its name and in the middle.
 */

/**
 * short: as kubectl abbreviates it. column: where it stands from left (what asks) to right (what is needed).
 * folds: it is part of its owner's card until that is opened, for it says little by itself.
 */
export interface Look {
  readonly short: string;
  readonly column: number;
  readonly folds?: true;
}

const LOOKS: Readonly<Record<string, Look>> = {
  Ingress: { short: "ing", column: 0 },
  Service: { short: "svc", column: 1 },
  HorizontalPodAutoscaler: { short: "hpa", column: 1 },
  EndpointSlice: { short: "eps", column: 2, folds: true },
  NetworkPolicy: { short: "netpol", column: 2 },
  PodDisruptionBudget: { short: "pdb", column: 2 },
  Deployment: { short: "deploy", column: 2 },
  StatefulSet: { short: "sts", column: 2 },
  DaemonSet: { short: "ds", column: 2 },
  CronJob: { short: "cj", column: 2 },
  ReplicaSet: { short: "rs", column: 3, folds: true },
  Job: { short: "job", column: 3 },
  Pod: { short: "pod", column: 4 },
  ConfigMap: { short: "cm", column: 5 },
  Secret: { short: "secret", column: 5 },
  ServiceAccount: { short: "sa", column: 5 },
  PersistentVolumeClaim: { short: "pvc", column: 5 },
  Node: { short: "node", column: 5 },
  PersistentVolume: { short: "pv", column: 6 },
  StorageClass: { short: "sc", column: 7 },
  IngressClass: { short: "ic", column: 7 },
  Namespace: { short: "ns", column: 7 },
};

export function lookOf(kind: string): Look {
  return LOOKS[kind] ?? { short: kind.replace(/[^A-Z]/g, "").toLowerCase() || kind.slice(0, 3), column: 3 };
}

/** `Ingresses`, `NetworkPolicies`, `Pods`. */
export function plural(kind: string): string {
  if (/(s|x|ch|sh)$/.test(kind)) return `${kind}es`;
  if (/[^aeiou]y$/.test(kind)) return `${kind.slice(0, -1)}ies`;
  return `${kind}s`;
}

/** `1 Ingress`, `3 Pods`. */
export const counted = (number: number, kind: string): string =>
  `${number} ${number === 1 ? kind : plural(kind)}`;
