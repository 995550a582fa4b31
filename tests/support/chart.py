"""deploy/chart as Helm renders it: recorded, so that it can be looked at where there is no Helm.

`python -m tests.support.chart` records it anew; it needs a Helm of version 3 or 4. A recording names the
digest of the chart and of the values that it was made from.
"""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from tests.support.documents import CHART

HELM = shutil.which("helm")
RECORDINGS = Path(__file__).parents[1] / "deploy" / "chart"
#: The values of each recording, beside it.
NAMES = ("default", "persistent", "namespaces", "everything")


def values(name: str) -> Path:
    return RECORDINGS / f"{name}.values.yaml"


def recording(name: str) -> Path:
    return RECORDINGS / f"{name}.rendered.yaml"


def head(name: str) -> str:
    """The first line of a recording that is up to date."""
    digest = sha256()
    for path in (*sorted(path for path in CHART.rglob("*") if path.is_file()), values(name)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"# chart and values: {digest.hexdigest()}\n"


def render(helm: str, name: str) -> str:
    """What Helm makes of the chart with the values of this name. Raises CalledProcessError."""
    command = [helm, "template", "astrolabe", CHART, "--namespace", "astrolabe-system"]
    command += ["--kube-version", "1.37", "--values", values(name)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return head(name) + text


def write(helm: str) -> None:
    """Record all."""
    for name in NAMES:
        recording(name).write_text(render(helm, name))


if __name__ == "__main__":
    if HELM is None:
        raise SystemExit("helm is needed")
    write(HELM)
