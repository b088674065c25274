"""`python -m benchmarks quality|scale|incremental|pairs|landing|stewardship|pages|lifecycle|serving`."""

import argparse
from pathlib import Path

from benchmarks import hard_pairs, incremental, landing, lifecycle, pages, quality, scale, serving, stewardship
from benchmarks.sets import SETS
from benchmarks.splink_baseline import BASELINES


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    what = parser.add_subparsers(dest="what")
    q = what.add_parser("quality", help="precision, recall and F1 of the default model, no labels")
    q.add_argument("sets", nargs="*", metavar="SET", help=f"one or more of: {', '.join(SETS)}")
    q.add_argument("--data", type=Path, metavar="FOLDER", help="folder of the real sets, which are not shipped")
    q.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    s = what.add_parser("scale", help="seconds and memory of the whole run beside bare Splink")
    s.add_argument("--sizes", default="10k,100k,1M", help="source records, comma separated (default: %(default)s)")
    s.add_argument("--train-size", default="100k", help="records to train the model on, or same (default: %(default)s)")
    s.add_argument("--keep", type=Path, metavar="FOLDER", help="keep worlds and hubs here; the model is used again")
    s.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    p = what.add_parser("pairs", help="which pairs of hard names are merged on the names alone")
    p.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="folder that holds hard_pairs.csv")
    n = what.add_parser("landing", help="rows per second of connectors into landing, beside the plain libraries")
    n.add_argument("--rows", default="1M", help="rows of 20 columns (default: %(default)s)")
    n.add_argument("--kinds", default=",".join(landing.KINDS), help="comma separated (default: %(default)s)")
    n.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    i = what.add_parser("incremental", help="what small changes and single records cost on a large base")
    i.add_argument("--sizes", default="100k,1M", help="records of the bases, comma separated (default: %(default)s)")
    i.add_argument("--deltas", default="100,10k", help="changed rows, comma separated (default: %(default)s)")
    i.add_argument("--asks", type=int, default=2_000, help="records that are matched (default: %(default)s)")
    i.add_argument("--bases", type=Path, default=Path("work/bases"), metavar="FOLDER", help="bases are kept here")
    i.add_argument(
        "--parts",
        default=",".join(incremental.PARTS[:2]),
        help="(default: %(default)s)",
    )
    i.add_argument("--full", action="store_true", help="the part `full` too: a full run on each base, for the ratio")
    i.add_argument("--postgres", action="store_true", help="the part `match-postgresql` too, over loopback")
    i.add_argument("--again", action="store_true", help="measure again what this code was measured at already")
    i.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    n = what.add_parser("incremental-one", help="one part on one base in this process, to a JSON file")
    n.add_argument("base", type=Path)
    n.add_argument("part")
    n.add_argument("--copy", type=Path, required=True)
    n.add_argument("--to", type=Path, required=True)
    n.add_argument("--asks", type=int, required=True)
    d = what.add_parser("stewardship", help="how long a steward's decision takes on a standing hub")
    d.add_argument("--size", default="100k", help="source records (default: %(default)s)")
    d.add_argument("--decisions", type=int, default=100, help="how many are taken (default: %(default)s)")
    d.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the standing hub here, to use it again")
    d.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    g = what.add_parser("pages", help="how long the pages of stewards take on a standing hub")
    g.add_argument("--size", default="100k", help="source records (default: %(default)s)")
    g.add_argument("--asks", type=int, default=60, help="how often each page is asked for (default: %(default)s)")
    g.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the standing hub here, to use it again")
    g.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    c = what.add_parser("lifecycle", help="stages, findings and matrix of all customers, and of a delta")
    c.add_argument("--customers", default="100k", help="customers, each with five touchpoints (default: %(default)s)")
    c.add_argument("--delta", default="10k", help="touchpoints that change afterwards (default: %(default)s)")
    c.add_argument("--json", action="store_true", help="print one JSON array instead of the table")
    v = what.add_parser("serving", help="reads and matches over HTTP while runs go on beside the server")
    v.add_argument("--size", default="1M", help="source records of the base (default: %(default)s)")
    v.add_argument("--bases", type=Path, default=Path("work/bases"), metavar="FOLDER", help="bases are kept here")
    v.add_argument("--stores", default="sqlite,postgresql", help="comma separated (default: %(default)s)")
    v.add_argument("--seconds", type=float, default=30, help="of each phase (default: %(default)s)")
    v.add_argument("--workers", type=int, default=2, help="processes of the server (default: %(default)s)")
    v.add_argument("--soak", type=float, default=0, metavar="SECONDS", help="go on for so long; does anything grow?")
    v.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    b = what.add_parser("splink", help="the Splink baseline of one real set, to a JSON file")
    b.add_argument("set", choices=sorted(BASELINES))
    b.add_argument("--data", type=Path, required=True)
    b.add_argument("--to", type=Path, required=True)
    o = what.add_parser("scale-one", help="one project's run and bare Splink in this process, to a JSON file")
    o.add_argument("config", type=Path)
    o.add_argument("--to", type=Path, required=True)
    given = parser.parse_args(arguments)
    if given.what == "quality":
        unknown = [n for n in given.sets if n not in SETS]
        if unknown:
            parser.error(f"no set {', '.join(unknown)}; there are {', '.join(SETS)}")
        return quality.run(given.sets, given.data, given.json)
    if given.what == "scale":
        sizes = [scale.size_of(x) for x in given.sizes.split(",")]
        train_size = None if given.train_size == "same" else scale.size_of(given.train_size)
        return scale.run(sizes, train_size, given.json, given.keep)
    if given.what == "pairs":
        return hard_pairs.run(given.data)
    if given.what == "landing":
        return landing.run(scale.size_of(given.rows), given.kinds.split(","), given.json)
    if given.what == "incremental":
        sizes, deltas = ([scale.size_of(x) for x in text.split(",")] for text in (given.sizes, given.deltas))
        parts = given.parts.split(",")
        if unknown := [part for part in parts if part not in incremental.PARTS]:
            parser.error(f"no part {', '.join(unknown)}; there are {', '.join(incremental.PARTS)}")
        more = {"match-postgresql": given.postgres, "full": given.full}
        parts += [part for part, wanted in more.items() if wanted and part not in parts]
        return incremental.run(
            sizes, deltas, given.asks, given.bases, parts=parts, again=given.again, as_json=given.json
        )
    if given.what == "incremental-one":
        incremental.one_to_file(given.base, given.part, given.copy, given.to, given.asks)
        return 0
    if given.what == "stewardship":
        return stewardship.run(scale.size_of(given.size), given.decisions, given.json, given.keep)
    if given.what == "pages":
        return pages.run(scale.size_of(given.size), given.asks, given.json, given.keep)
    if given.what == "lifecycle":
        return lifecycle.run(scale.size_of(given.customers), scale.size_of(given.delta), given.json)
    if given.what == "serving":
        options = {"seconds": given.seconds, "workers": given.workers, "soak": given.soak, "as_json": given.json}
        return serving.run(scale.size_of(given.size), given.bases, stores=given.stores, **options)
    if given.what == "splink":
        quality.splink_to_file(given.set, given.data, given.to)
        return 0
    if given.what == "scale-one":
        scale.one_to_file(given.config, given.to)
        return 0
    return quality.run([], None) or scale.run([10_000, 100_000], 100_000)


if __name__ == "__main__":
    raise SystemExit(main())
