"""The flags of klog, Kubernetes' log in Go, which the original took: accepted, so that its manifests go on.

They say where a log goes and what stands before its lines. Ours goes to standard error, a line an event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_WHERE = "the log goes to standard error; keep it with 2>>FILE"
_LEVEL = "set the level with --v"
_FORM = "set the format with --log-format"

#: Those that need no value, as klog has them, and what to use instead.
SWITCHES: Mapping[str, str] = {
    "add_dir_header": _FORM,
    "alsologtostderr": _WHERE,
    "legacy_stderr_threshold_behavior": _WHERE,
    "logtostderr": _WHERE,
    "one_output": _WHERE,
    "skip_headers": _FORM,
    "skip_log_headers": _FORM,
}
#: Those that have a value.
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
    """klog's name of a flag, which may also be spelt with dashes; "" when it is none of its."""
    name = flag.replace("-", "_")
    return name if name in INSTEAD else ""


def warning(names: Sequence[str]) -> str:
    """One line about flags of klog that were given: that they do nothing, and what does."""
    given = list(dict.fromkeys(names))
    flags = ", ".join(f"--{name}" for name in given)
    instead = "; ".join(dict.fromkeys(INSTEAD[name] for name in given))
    return f"{flags} {'has' if len(given) == 1 else 'have'} no effect: {instead}"
