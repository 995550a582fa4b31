"""The flags of klog, Kubernetes' logging library for Go. The original had them; they are accepted and
ignored.

They set where the log goes and how its lines look. Astrolabe logs to standard error, one line per event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_WHERE = "the log goes to standard error; keep it with 2>>FILE"
_LEVEL = "set the level with --v"
_FORM = "set the format with --log-format"

#: Flags without a value, and what to use instead.
SWITCHES: Mapping[str, str] = {
    "add_dir_header": _FORM,
    "alsologtostderr": _WHERE,
    "legacy_stderr_threshold_behavior": _WHERE,
    "logtostderr": _WHERE,
    "one_output": _WHERE,
    "skip_headers": _FORM,
    "skip_log_headers": _FORM,
}
#: Flags with a value.
VALUED: Mapping[str, str] = {
    "log_backtrace_at": _LEVEL,
    "log_dir": _WHERE,
    "log_file": _WHERE,
    "log_file_max_size": _WHERE,
    "stderrthreshold": _LEVEL,
    "vmodule": _LEVEL,
}
INSTEAD: Mapping[str, str] = {**SWITCHES, **VALUED}


def name_of(flag: str) -> str:
    """klog's name for a flag, which may be spelled with dashes; "" if it has none."""
    name = flag.replace("-", "_")
    return name if name in INSTEAD else ""


def warning(names: Sequence[str]) -> str:
    """A line that says that these klog flags have no effect, and what to use instead."""
    given = list(dict.fromkeys(names))
    flags = ", ".join(f"--{name}" for name in given)
    instead = "; ".join(dict.fromkeys(INSTEAD[name] for name in given))
    return f"{flags} {'has' if len(given) == 1 else 'have'} no effect: {instead}"
