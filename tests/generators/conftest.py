"""Code generators are other projects' programs, which have to be fetched first: `make generators` asks for them."""

from __future__ import annotations

import os

# Where nobody asks there is nothing to collect, and nothing to skip.
collect_ignore_glob = [] if os.environ.get("ASTROLABE_GENERATORS") else ["test_*.py"]
