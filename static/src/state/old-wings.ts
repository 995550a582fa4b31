import type { ClusterState } from "@astrolabe/stream";
import { clusterIn } from "../cluster/names";
import type { Picture } from "../layout/picture";
import { timeOf } from "./trust";

/** The picture on which the frame of each stale cluster says so, and since when. clock: how a time is written. */
export function markOld(
  picture: Picture,
  clusters: readonly ClusterState[],
  clock: (time: number) => string,
): Picture {
  const stale = new Map(clusters.flatMap((each) => (each.state === "stale" ? [[each.name, each]] : [])));
  if (stale.size === 0) return picture;
  const frames = picture.frames.map((frame) => {
    const state = frame.form === "wing" ? stale.get(clusterIn(frame.id)) : undefined;
    if (state === undefined) return frame;
    const since = timeOf(state);
    const when = since === null ? "" : ` since ${clock(since)}`;
    return { ...frame, title: `${frame.title}: stale${when}`, old: true };
  });
  return { ...picture, frames };
}
