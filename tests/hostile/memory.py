"""Limits the memory of a process, and reads its peak."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
#: Of version 1 and 2: where groups are made, and the file that says how much memory each may have.
PLACES = ((CGROUPS / "memory", "memory.limit_in_bytes"), (CGROUPS, "memory.max"))


@contextmanager
def limited_group(name: str, megabytes: int) -> Iterator[Path | None]:
    """A cgroup whose processes are killed beyond so much memory; None where none can be made.

    It can be made by root where the cgroups may be written to, which in a container they mostly may not.
    """
    group = _make(name, megabytes)
    try:
        yield group
    finally:
        if group is not None:
            with suppress(OSError):  # a process is still in it
                group.rmdir()


def _make(name: str, megabytes: int) -> Path | None:
    for place, limit in PLACES:
        group = place / name
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(megabytes << 20))
        except OSError:
            group.rmdir()
            continue
        return group
    return None


class Memory:
    """The resident memory of a process, in megabytes."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def now(self) -> float:
        return self._of("VmRSS")

    def peak(self) -> float:
        """The most since `begin`."""
        return self._of("VmHWM")

    def begin(self) -> None:
        """Forget the peak."""
        (self._folder / "clear_refs").write_text("5")

    def _of(self, name: str) -> float:
        for line in (self._folder / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise AssertionError(f"{self._folder} has ended")
