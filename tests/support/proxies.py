"""Real proxies in front of a server: nginx and haproxy, as people have them.

The tests of the viewer run it as a program: `python -m tests.support.proxies CONFIGURATION PORT [tls]` is an nginx
before the server at that port. It says where that is, and ends with its input.

The guide's examples are taken from the guide, so that what it says is what the tests run.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.certificates import Pair
from tests.support.documents import GUIDE
from tests.support.programs import program
from tests.support.redis_server import free_port

#: By which name browsers know the proxy: no address, so that the server cannot tell it from any other.
NAME = "astrolabe.example"
#: Where the guide has the server.
_SERVER = "127.0.0.1:8080"


def example(language: str) -> str:
    """The one block of the page on proxies that is marked as this language."""
    (block,) = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", (GUIDE / "security.md").read_text())
    return str(block)


#: Locations of nginx, by what people call them; the server is at 127.0.0.1:8080 in all of them.
NGINX: dict[str, str] = {
    "defaults": f"location / {{ proxy_pass http://{_SERVER}; }}",
    # What most pages about WebSockets and nginx say.
    "upgrade": f"""
        location / {{
            proxy_pass http://{_SERVER};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
        }}""",
    "forwarded-host": f"""
        location / {{
            proxy_pass http://{_SERVER};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}""",
    "recommended": example("nginx"),
    "prefix": example("nginx")
    .replace("location / {", "location /astrolabe/ {")
    .replace(f"http://{_SERVER};", f"http://{_SERVER}/;"),
    "prefix-defaults": f"location /astrolabe/ {{ proxy_pass http://{_SERVER}/; }}",
    # What the template of ingress-nginx makes of an Ingress without annotations.
    "ingress": f"""
        location / {{
            set $best_http_host $http_host;
            proxy_set_header Host $best_http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Request-ID $request_id;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Host $best_http_host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Scheme $scheme;
            proxy_set_header X-Scheme $scheme;
            proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;
            proxy_set_header Proxy "";
            proxy_connect_timeout 5s;
            proxy_send_timeout 60s;
            proxy_read_timeout 60s;
            proxy_buffering off;
            proxy_buffer_size 4k;
            proxy_buffers 4 4k;
            proxy_max_temp_file_size 1024m;
            proxy_request_buffering on;
            proxy_http_version 1.1;
            proxy_cookie_domain off;
            proxy_cookie_path off;
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 3;
            proxy_pass http://{_SERVER};
            proxy_redirect off;
        }}""",
}

#: The backends of haproxy, likewise; `tcp` is what it does where no mode is set.
HAPROXY: dict[str, str] = {
    "tcp": f"backend astrolabe\n    server astrolabe {_SERVER}\n",
    "http": f"backend astrolabe\n    mode http\n    server astrolabe {_SERVER}\n",
    "recommended": example("haproxy"),
}


class Proxy:
    """Where a proxy is to be had. prefix: of the paths that it passes on, without it. tls: what to trust."""

    def __init__(self, port: int, *, prefix: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.prefix = prefix
        self.tls = tls

    @property
    def origin(self) -> str:
        """Of the pages that browsers have from it."""
        return f"{'https' if self.tls else 'http'}://{NAME}:{self.port}"

    def url(self, path: str, *, websocket: bool = False) -> str:
        """By its address, which needs no name service; whoever asks says `host` as `Host`."""
        scheme = f"{'ws' if websocket else 'http'}{'s' if self.tls else ''}"
        return f"{scheme}://127.0.0.1:{self.port}{self.prefix}{path}"

    @property
    def host(self) -> str:
        return f"{NAME}:{self.port}"


@contextmanager
def nginx(folder: Path, name: str, server: int, *, pair: Pair | None = None) -> Iterator[Proxy]:
    """An nginx with the locations `NGINX[name]` before the server at this port. pair: speaks TLS with it."""
    port = free_port()
    tls = f"ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};" if pair else ""
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
        events {{}}
        http {{
            access_log off;
            {temporary}
            map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
            server {{
                listen 127.0.0.1:{port} {"ssl" if pair else ""};
                {tls}
                {_at(NGINX[name], server)}
            }}
        }}"""
    )
    path = program("nginx", package="nginx")
    prefix = "/astrolabe" if "location /astrolabe/" in NGINX[name] else ""
    with _running(path, "-p", str(folder), "-e", f"{folder}/nginx.log", "-c", str(configuration), port=port):
        yield Proxy(port, prefix=prefix, tls=pair.trusting() if pair else None)


@contextmanager
def haproxy(folder: Path, name: str, server: int) -> Iterator[Proxy]:
    """A haproxy with the backend `HAPROXY[name]` before the server at this port."""
    port = free_port()
    backend = _at(HAPROXY[name], server)
    mode = "mode http" if "mode http" in backend else ""
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        f"""
defaults
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend web
    bind 127.0.0.1:{port}
    {mode}
    default_backend astrolabe
{backend}
"""
    )
    with _running(program("haproxy", package="haproxy"), "-f", str(configuration), "-db", "-q", port=port):
        yield Proxy(port)


def _at(configuration: str, server: int) -> str:
    assert _SERVER in configuration
    return configuration.replace(_SERVER, f"127.0.0.1:{server}")


@contextmanager
def _running(*command: str, port: int) -> Iterator[None]:
    """A program that listens at this port, as long as the context."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        ends = time.monotonic() + 20
        while True:
            assert process.poll() is None, process.communicate()[0].decode()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < ends, f"{command[0]} does not listen"
                time.sleep(0.01)  # a pace of asking: nothing tells of it
        yield
    finally:
        process.kill()
        process.communicate()


def main(name: str, server: str, tls: str = "") -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with nginx(folder, name, int(server), pair=Pair(folder) if tls else None) as proxy:
            sys.stdout.write(f"{proxy.url('/')}\n")
            sys.stdout.flush()
            sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
