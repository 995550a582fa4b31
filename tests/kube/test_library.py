"""kubernetes_asyncio without its models, each time in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.kube.support import write_kubeconfig


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_session_needs_none_of_the_models(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1", token="t")
    assert (
        run(f"""
import asyncio, gc
from astrolabe.kube.credentials import load_access
from astrolabe.settings import Settings
async def main():
    access = await load_access(Settings(in_cluster=False, kubeconfig={str(path)!r}))
    session = access.open_session()
    print(access.host, type(session).__module__)
    await session.close()
    print([each for each in gc.get_objects() if isinstance(each, type) and each.__name__ == "V1Pod"])
asyncio.run(main())
""")
        == "http://127.0.0.1:1 kubernetes_asyncio.client.api_client\n[]"
    )


def test_the_whole_library_can_be_imported_afterwards() -> None:
    assert (
        run("""
from astrolabe.kube import library
loaded = library.load()
import kubernetes_asyncio
print(kubernetes_asyncio.client.V1Pod.__name__, kubernetes_asyncio.client.ApiClient is loaded.ApiClient)
""")
        == "V1Pod False"
    )


def test_the_whole_library_is_used_when_it_is_there() -> None:
    assert (
        run("""
import kubernetes_asyncio
from astrolabe.kube import library
print(library.load().ApiClient is kubernetes_asyncio.client.ApiClient)
""")
        == "True"
    )


def test_a_user_without_a_home_can_load_it() -> None:
    assert (
        run("""
import os, pwd
def unknown(uid):
    raise KeyError(uid)  # as for the numeric user of a container
pwd.getpwuid = unknown
os.environ.pop("HOME", None)
from astrolabe.kube import library
print(library.load().ApiClient.__name__)
""")
        == "ApiClient"
    )
