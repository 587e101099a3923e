"""Makes a service behind one of the four web servers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from fronts import FRONTS  # noqa: E402
from support import Server  # noqa: E402


def make_server(front, **config):
    """mod_fcgid starts processes of its own, and each gets a slot here, so that uploads wait instead of
    hearing 503."""
    if FRONTS[front].starts_tintyped:
        config = {"server": {"decode_slots": 8, "max_requests": 0, "workers": 0}} | config
    return Server(front, **config)
