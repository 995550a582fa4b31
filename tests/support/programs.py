"""Programs besides Python that some tests need."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, *, package: str) -> str:
    """The path of a program; a test that has none is skipped, but never in CI. package: Debian's, that has it."""
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"{name} is needed, which Debian has in the package {package}"
    assert "CI" not in os.environ, reason
    pytest.skip(reason)
