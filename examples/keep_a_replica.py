"""Keeps a copy of the golden records in step with a hub, through restarts, and says whether both are equal.

    KEHU_URL=http://localhost:8000 KEHU_KEY=kehu_… python examples/keep_a_replica.py copy.db [--follow]

The key needs the rights customers.read and changes.read. The copy holds what the key may see.
"""

from __future__ import annotations

import os
import sys

from serving.client import Hub, Replica


def main(arguments: list[str]) -> int:
    """Bring the copy up to date once, or again and again with --follow. 1 where it differs from the hub afterwards."""
    follow = "--follow" in arguments
    paths = [a for a in arguments if not a.startswith("--")]
    if len(paths) != 1 or "KEHU_KEY" not in os.environ:
        print(__doc__, file=sys.stderr)
        return 2
    url = os.environ.get("KEHU_URL", "http://localhost:8000")
    with Hub(url, os.environ["KEHU_KEY"]) as hub, Replica(hub, paths[0]) as copy:
        while True:
            taken = copy.sync(wait=25 if follow else 0)
            print(f"{taken} events taken, at {copy.seq}, {len(copy.golden())} golden records", flush=True)
            if not follow:
                break
        different = copy.differences()
    print("equal to the hub" if not different else f"{len(different)} golden records differ, such as {different[:3]}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
