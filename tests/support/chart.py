"""deploy/chart as Helm renders it: recorded, so that it can be looked at where there is no Helm.

`python -m tests.support.chart` records it anew; it needs a Helm of version 3 or 4. A recording names the
digest of the chart and of the values that it was made from. What `make docs` puts into the chart is in
neither: who adds a kind or an alert needs no Helm.
"""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from textwrap import indent

from tests.support.documents import CHART

HELM = shutil.which("helm")
RECORDINGS = Path(__file__).parents[1] / "deploy" / "chart"
#: The values of each recording, beside it.
NAMES = (
    "default",
    "persistent",
    "namespaces",
    "everything",
    "rbac",
    "namespaces-rbac",
    "chosen",
    "borrowed",
    "kubernetes-rights",
    "access",
    "access-namespaces",
    "proxy-authority",
    "clusters",
)

#: Files of the chart that follow from others, and how far in they stand in what is rendered.
MADE = {
    "cluster-role-rules.yaml": 0,
    "role-rules.yaml": 0,
    "rbac-rules.yaml": 0,
    "rbac-role-rules.yaml": 0,
    "namespaced-kinds.txt": 0,
    "alerts.yaml": 2,
    "dashboard.json": 4,
}


def values(name: str) -> Path:
    return RECORDINGS / f"{name}.values.yaml"


def recording(name: str) -> Path:
    return RECORDINGS / f"{name}.rendered.yaml"


def read(name: str) -> str:
    """The recording, with what these files say now."""
    text = recording(name).read_text()
    for mark, content in _made().items():
        text = text.replace(mark, content)
    return text


def head(name: str) -> str:
    """The first line of a recording that is up to date."""
    digest = sha256()
    chart = sorted(path for path in CHART.rglob("*") if path.is_file() and path.name not in MADE)
    for path in (*chart, values(name)):
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
        text = render(helm, name)
        for mark, content in _made().items():
            text = text.replace(content, mark)
        recording(name).write_text(text)


def _made() -> dict[str, str]:
    """What stands in a recording, and what for."""
    return {
        f"<{name}>": indent((CHART / "files" / name).read_text().rstrip("\n"), " " * columns)
        for name, columns in MADE.items()
    }


if __name__ == "__main__":
    if HELM is None:
        raise SystemExit("helm is needed")
    write(HELM)
