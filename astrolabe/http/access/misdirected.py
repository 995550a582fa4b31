"""What is answered to whoever asks for a host that is not this server's: a sentence, or a page for people."""

from __future__ import annotations

from html import escape

from astrolabe.http.errors import Refusal

#: It shows itself and nothing else, wherever it is shown.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Astrolabe does not answer for this host</title>
<style>
  body {{ background: Canvas; color: CanvasText }}
  main {{ max-width: 36rem; margin: 14vh auto; padding: 0 1.5rem; font: 1rem/1.6 system-ui, sans-serif }}
  h1 {{ font-size: 1.4rem; line-height: 1.3 }}
  code {{ display: inline-block; max-width: 100%; padding: 0 .3em; overflow-wrap: anywhere }}
  code {{ border-radius: .3em; background: #8882 }}
</style>
<main>
<h1>Astrolabe does not answer for this host</h1>
<p>It was asked for <code>{host}</code>, and does not know that name as its own. Any site can give a name of
its own the address of this server, to read the cluster through your browser: so it answers only for names
that it knows.</p>
<p>If this name is meant to lead here, start Astrolabe with {flag}, or open it by its address or as
<code>localhost</code>.</p>
</main>
</html>
"""


def misdirected(text: str, name: str | None) -> Refusal:
    """text: the host that was asked for, as it was written. name: without its port; None when it is none."""
    flag = "--allowed-hosts" if name is None else f"--allowed-hosts={name[:100]}"
    return Refusal(
        421,
        "misdirected",
        f"this server does not answer for the host {text[:100]!r}; "
        "start it with --allowed-hosts and that name if it should",
        headers=_HEADERS,
        page=_PAGE.format(host=escape(text[:100]), flag=f"<code>{escape(flag)}</code>"),
    )
