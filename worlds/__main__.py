"""`python -m worlds demo|easy|hard --size N --seed S --to FOLDER [--kind organization|person]`: write a world."""

import argparse
import time
from pathlib import Path

from worlds import demo, easy, hard
from worlds.generate import KINDS

WORLDS = {"easy": easy.generate, "hard": hard.generate}


def main(arguments: list[str] | None = None) -> int:
    """Generate one world and say what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m worlds", description="Write a generated world: sources, truth.csv and kehu.yaml."
    )
    parser.add_argument("world", choices=("demo", *sorted(WORLDS)))
    parser.add_argument("--size", type=int, default=10_000, help="number of source records")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--kind", choices=KINDS, help="only this entity type")
    parser.add_argument("--next-day", action="store_true", help="demo: write the delivery of the day after")
    given = parser.parse_args(arguments)
    start = time.monotonic()
    if given.world != "demo":
        files = WORLDS[given.world](given.to, given.size, given.seed, given.kind)
    elif given.kind:
        parser.error("the demo world has all its entity types: --kind does not go with it")
    elif given.next_day:
        files = demo.generate_next_day(given.to)
    else:
        files = demo.generate(given.to, given.size, given.seed)
    print(f"{files.records} records of {files.entities} entities in {files.folder}, {time.monotonic() - start:.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
