/** The groups of one summary, and how each message changes them. */

import { FollowedList } from "./followed-list";
import type { SummaryGroup, SummaryMessage } from "./messages";
import type { Replica, Sign } from "./progress";

/** group: as it is now; of a removed one, as it was last. before: as it was; absent when added. */
export interface GroupChange {
  readonly sign: Sign;
  readonly group: SummaryGroup;
  readonly before?: SummaryGroup;
}

const TYPES = new Set(["summary", "summary-delta", "bookmark", "reset"]);

/** What resources are grouped by. */
export type Dimension = "cluster" | "namespace" | "release" | "kind" | "node" | "owner";

export class Summary
  extends FollowedList<SummaryGroup, GroupChange>
  implements Replica<SummaryMessage, GroupChange>
{
  readonly what = "summary";
  readonly subject: { readonly by: readonly Dimension[] };

  /** by: one or two. */
  constructor(by: readonly Dimension[]) {
    super();
    this.subject = { by };
  }

  takes(message: { readonly type: string }): message is SummaryMessage {
    return TYPES.has(message.type);
  }

  apply(message: SummaryMessage): GroupChange[] {
    switch (message.type) {
      case "summary":
        return this.snapshot(message, message.groups);
      case "summary-delta":
        return this.delta(message, message.groups);
      default:
        return this.move(message);
    }
  }

  protected changeOf(sign: Sign, group: SummaryGroup, before?: SummaryGroup): GroupChange {
    return before === undefined ? { sign, group } : { sign, group, before };
  }
}
