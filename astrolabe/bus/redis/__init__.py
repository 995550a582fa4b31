"""The bus through Redis: one process leads, all follow, and the graph survives every one of them.

Promise: whoever serves at `epoch:seq` serves the same graph there, whichever process it is. A batch is
one script, so it is stored, logged and published, or nothing is; a leader that was replaced is refused.
Two rules keep two histories from ever sharing a position:

- A batch is served only once it is stored. While Redis is away the leader goes on with its own clients,
  at positions that nobody else gives away: `seq` leaps to the clock first (see `numbers.leap`). A
  leader that finds Redis restarted, and cannot know that nothing was lost, leaps as well.
- A position that went back is seen by whoever was ahead, and ends the epoch.
"""
