"""`astrolabe watch` and `bench-stream` where a token is asked for and TLS is spoken."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.certificates import Pair
from tests.support.process import kill
from tests.support.serving import PATIENCE, Site, serve
from tests.support.worlds import facts, shop

TOKEN = "open-sesame-3f2a"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
async def site(pair: Pair, token: Path) -> AsyncIterator[Site]:
    """A shop over TLS for those who have the token."""
    async with serve(shop(), auth="token", auth_token_file=str(token), **pair.settings) as site:
        yield site


async def start(*args: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "astrolabe.cli", *args),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **environment},
    )


async def run(*args: str, **environment: str) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr of a command that ends by itself."""
    process = await start(*args, **environment)
    try:
        out, err = await asyncio.wait_for(process.communicate(), 3 * PATIENCE)
    finally:
        await kill(process)
    return process.returncode, out.decode(), err.decode()


async def test_a_watch_with_token_and_certificate(site: Site, pair: Pair, token: Path) -> None:
    trust = f"--certificate-authority={pair.certificate}"
    process = await start("watch", f"https://127.0.0.1:{site.port}", trust, "--token-file", str(token))
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(3 * PATIENCE):
            assert await process.stderr.readline() == b"live\n"
            assert await process.stderr.readline() == b"watching 9 nodes and 5 edges\n"
            site.world.set(facts("Pod", "new"))
            assert b"shop/new" in await process.stdout.readline()
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("variable", ["ASTROLABE_TOKEN", "ASTROLABE_TOKEN_FILE"])
async def test_a_load_with_the_token_from_the_environment(site: Site, token: Path, variable: str) -> None:
    value = TOKEN if variable == "ASTROLABE_TOKEN" else str(token)
    code, out, err = await run(
        *("bench-stream", f"wss://127.0.0.1:{site.port}", "--insecure-skip-tls-verify"),
        *("--clients=2", "--duration=200ms"),
        **{variable: value},
    )
    assert code == 0, err
    assert "2 started, 2 connected at the end" in out


async def test_a_flag_wins_over_the_environment_and_a_file_over_a_token(
    site: Site, token: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    bench = ("bench-stream", f"wss://127.0.0.1:{site.port}", "--insecure-skip-tls-verify", "--clients=1")
    variables = {"ASTROLABE_TOKEN_FILE": str(wrong), "ASTROLABE_TOKEN": "wrong, too"}
    code, _, err = await run(*bench, "--duration=100ms", "--token-file", str(token), **variables)
    assert code == 0, err
    code, _, err = await run(*bench, ASTROLABE_TOKEN_FILE=str(wrong), ASTROLABE_TOKEN=TOKEN)
    assert (code, "the token is not known" in err) == (1, True)


async def test_a_missing_file_is_one_line_that_says_what_to_do(site: Site, pair: Pair) -> None:
    url = f"https://127.0.0.1:{site.port}"
    trust = f"--certificate-authority={pair.certificate}"
    assert await run("watch", url, trust) == (
        1,
        "",
        f"astrolabe: wss://127.0.0.1:{site.port} refuses: HTTP 401, a token is needed; it takes a token "
        "of its --auth-token-file or, with --auth=kubernetes, of a user of its cluster; pass one with "
        "--token-file=PATH or the environment variable ASTROLABE_TOKEN, or that of your kubeconfig with "
        "--context=NAME\n",
    )
    assert await run("watch", url, ASTROLABE_TOKEN=TOKEN) == (
        1,
        "",
        f"astrolabe: the certificate of wss://127.0.0.1:{site.port} is not trusted: self-signed certificate; "
        "pass the certificate to trust with --certificate-authority=PATH\n",
    )
    assert await run("watch", url.replace("127.0.0.1", "localhost"), trust) == (
        1,
        "",
        f"astrolabe: the certificate of wss://localhost:{site.port} is not trusted: "
        "Hostname mismatch, certificate is not valid for 'localhost'\n",
    )


async def test_questions_with_token_and_certificate(site: Site, pair: Pair, token: Path) -> None:
    url = f"https://127.0.0.1:{site.port}"
    trust = f"--certificate-authority={pair.certificate}"
    told = await run("find", "-s", url, trust, f"--token-file={token}", "-o=name", "kind:deploy")
    assert told == (0, "Deployment/shop/web\n", "")
    assert await run("why", "pod/x", trust, ASTROLABE_SERVER=url) == (
        2,
        "",
        f"astrolabe: https://127.0.0.1:{site.port} refuses: HTTP 401, a token is needed; it takes a token "
        "of its --auth-token-file or, with --auth=kubernetes, of a user of its cluster; pass one with "
        "--token-file=PATH or the environment variable ASTROLABE_TOKEN, or that of your kubeconfig with "
        "--context=NAME\n",
    )
    assert await run("impact", "pod/x", ASTROLABE_SERVER=url, ASTROLABE_TOKEN=TOKEN) == (
        2,
        "",
        f"astrolabe: the certificate of https://127.0.0.1:{site.port} is not trusted: self-signed certificate; "
        "pass the certificate to trust with --certificate-authority=PATH\n",
    )
    assert await run("find", "-s", url.replace("https", "http"), "x") == (
        2,
        "",
        f"astrolabe: cannot connect to http://127.0.0.1:{site.port}: "
        "the server closed the connection; if it uses TLS, use https://\n",
    )


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ("--token=x",),
            "unknown flag --token, did you mean --token-file?",
        ),
        (
            ("--token-file=/none",),
            "invalid value '/none' for --token-file: cannot read the file: No such file or directory",
        ),
        (
            ("--token-file=/dev/null",),
            "invalid value '/dev/null' for --token-file: the file contains no token",
        ),
        (
            ("--token-file=WORDS",),
            "invalid value 'WORDS' for --token-file: line 2 is not a token: it contains a space",
        ),
        (
            ("localhost:1", "more"),
            "unexpected argument 'more'",
        ),
        (
            ("--certificate-authority=/none",),
            "invalid value '/none' for --certificate-authority: cannot read the file: No such file or directory",
        ),
        (
            ("--certificate-authority=/dev/null",),
            "invalid value '/dev/null' for --certificate-authority: the file contains no PEM certificates",
        ),
        (
            ("--insecure-skip-tls-verify", "localhost:1"),
            "--insecure-skip-tls-verify needs an https:// or wss:// URL",
        ),
    ],
)
async def test_a_wrong_value_is_one_line_and_exit_code_2(
    args: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    words = tmp_path / "words"
    words.write_text("# mine\ntwo words\n")
    args = tuple(arg.replace("WORDS", str(words)) for arg in args)
    assert await run("watch", *args) == (2, "", f"astrolabe: {line.replace('WORDS', str(words))}\n")


async def test_conflicting_trust_flags_are_refused(pair: Pair) -> None:
    trust = (f"--certificate-authority={pair.certificate}", "--insecure-skip-tls-verify")
    code, _, err = await run("watch", "https://localhost:1", *trust)
    assert (code, err) == (
        2,
        "astrolabe: --certificate-authority and --insecure-skip-tls-verify cannot be combined\n",
    )
