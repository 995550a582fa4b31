"""The bus through Redis: one process leads, the others follow, and the graph survives all of them.

Promise: all processes serve the same graph at the same `epoch:seq`. A batch is stored, logged and published
by one script, so either all of it happens or nothing. The script refuses a leader that has been replaced. Two
rules keep two histories from sharing a position:

- A batch is served only after it is stored. While Redis is unavailable, the leader serves its own clients at
  positions that no other process uses: `seq` first jumps to the clock (see `sequence.skip_ahead`). A leader
  that finds Redis restarted, and cannot know whether data was lost, jumps as well.
- If the stored position goes back, a process that was ahead notices, and the epoch ends.
"""
