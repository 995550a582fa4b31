/** The problems of one filter, and how each message changes them. Its twin in Python is `astrolabe.client.problem_set`. */

import { FollowedList } from "./followed-list";
import type { ProblemMessage } from "./messages";
import type { Problem } from "./problems";
import type { Replica, Sign } from "./progress";

/** problem: as it is now; of a removed one, as it was last. before: as it was; absent when added. */
export interface ProblemChange {
  readonly sign: Sign;
  readonly problem: Problem;
  readonly before?: Problem;
}

const TYPES = new Set(["problems", "problems-delta", "bookmark", "reset"]);

export class ProblemSet
  extends FollowedList<Problem, ProblemChange>
  implements Replica<ProblemMessage, ProblemChange>
{
  readonly what = "problems";

  takes(message: { readonly type: string }): message is ProblemMessage {
    return TYPES.has(message.type);
  }

  apply(message: ProblemMessage): ProblemChange[] {
    switch (message.type) {
      case "problems":
        return this.snapshot(message, message.problems);
      case "problems-delta":
        return this.delta(message, message.problems);
      default:
        return this.move(message);
    }
  }

  protected changeOf(sign: Sign, problem: Problem, before?: Problem): ProblemChange {
    return before === undefined ? { sign, problem } : { sign, problem, before };
  }
}
