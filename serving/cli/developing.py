"""Commands that show the hub at work: Dagster's pages, and the demonstration."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from serving.cli.progress import RunProgress
from serving.cli.running import show_run
from serving.cli.session import Session, with_session


@click.command(short_help="Open Dagster's pages and Kehu's own.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port of Dagster.")
@click.option(
    "--pages-port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port of the pages and the interface, as 'kehu serve'; 0 leaves them out.",
)
@with_session
def dev(session: Session, host: str, port: int, pages_port: int) -> None:
    """Open Dagster's pages on this project (assets, runs, checks, schedules) and Kehu's own. Ctrl-C ends them."""
    from orchestration.dev import dagster_dev, refuse_taken

    refuse_taken(host, port)
    if pages_port:
        refuse_taken(host, pages_port)
    # Whoever was started in the background ignores Ctrl-C, and so would Dagster, which is ended by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = dagster_dev(session.config(), host=host, port=port)
    # In a session of its own, so that Ctrl-C reaches it once, through here, however this process was started.
    child = subprocess.Popen(
        started.argv, env=started.env, cwd=started.cwd, stdout=sys.stderr.fileno(), start_new_session=True
    )
    session.say(f"Dagster on {started.url} (its own records are in {started.home})")
    if started.new:
        session.say(
            "Nothing is materialised there yet: Dagster shows the runs that it starts (job 'resolve' reads all), and "
            f"those of 'kehu run' only where DAGSTER_HOME={started.home} is set for it"
        )
    pages = _serve(session, host, pages_port) if pages_port else None
    told = {"url": started.url, "pid": child.pid, "dagster_home": str(started.home)}
    session.result(told | ({"pages": f"http://{host}:{pages_port}"} if pages else {}))
    try:
        ended = _wait_for(child)
    finally:
        if pages is not None:
            pages.terminate()
            pages.wait(timeout=30)
    if ended:
        raise click.exceptions.Exit(1)


def _serve(session: Session, host: str, port: int) -> subprocess.Popen[bytes]:
    """`kehu serve` beside Dagster; says where the pages are by itself."""
    argv = [sys.executable, "-m", "serving.cli", "serve", "--host", host, "--port", str(port)]
    argv += ["--config", str(session.config().file)]
    return subprocess.Popen(argv, stdout=sys.stderr.fileno(), start_new_session=True)


def _wait_for(child: subprocess.Popen[bytes]) -> int:
    """The exit code of the child; 0 when it was ended from here, by Ctrl-C or by a signal to end."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command(short_help="Example systems in, golden records out.")
@click.option(
    "--size", default=3_000, show_default=True, type=click.IntRange(100), help="About how many source records to make."
)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same world.")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the demonstration.  [default: demo, or the folder of --config]",
)
@click.option(
    "--next-day", is_flag=True, help="Play the next day in the three systems first: new, changed, deleted rows."
)
@with_session
def demo(session: Session, size: int, seed: int, folder: Path | None, next_day: bool) -> None:
    """Make three example systems of a commercial-vehicle maker and turn their customers into golden records."""
    from models.config import load_config
    from orchestration.run import run_hub
    from serving.evaluate import evaluate_tables, read_truth
    from serving.export import read_export
    from serving.selecting import export_to
    from worlds.demo import generate, generate_next_day

    if folder is None:
        folder = session.config_given.parent if session.config_given else Path("demo")
    elif session.config_given and session.config_given.absolute().parent != folder.absolute():
        raise click.UsageError("--to and --config name different folders; the demonstration writes its own kehu.yaml")
    began = time.monotonic()
    if not (folder / "kehu.yaml").exists():
        session.say(f"Making three systems with about {size:,} records in {folder} …")
        generate(folder, size, seed)
    elif next_day:
        session.say(f"A day later in the systems in {folder} …")
        generate_next_day(folder)
    else:
        session.say(f"Using the systems that are in {folder}; delete the folder to start afresh.")
    config = load_config(folder / "kehu.yaml")
    with RunProgress() as progress:
        result = run_hub(config, full=False, source=None, progress=progress)
    exported = [folder / f"{name}.csv" for name in ("golden", "crosswalk")]
    with session.store(config) as store:
        for path in exported:
            export_to(store, config, path.stem, path)
        quality = evaluate_tables(read_truth(folder / "truth.csv"), read_export(store, config, "crosswalk"))
    show_run(session, result)
    pairs = quality.pairwise
    session.show(
        "Against the truth of the generated world: "
        f"precision {pairs.precision:.4f}, recall {pairs.recall:.4f}, F1 {pairs.f1:.4f}."
    )
    config_file = folder / "kehu.yaml"
    look = (
        (str(exported[0]), "the golden records"),
        (str(exported[1]), "which source record belongs to which golden record"),
        (str(config_file), "the configuration of the three systems"),
        (f"kehu export pairs --config {config_file} --to pairs.csv", "what was compared, and what became of it"),
        (f"kehu show sales_crm:ACC-765433 --config {config_file}", "everything that is known of one customer"),
        (f"kehu findings list --config {config_file}", "what is missing, wrong or late, and who has to act"),
        (f"kehu serve --config {config_file}", "the pages of stewards; programs read /v1, described under /docs"),
        (f"kehu dev --config {config_file}", "the same as assets in Dagster, in the browser"),
        (f"kehu demo --to {folder} --next-day", "what a day of changes does to golden records"),
    )
    width = max(len(what) for what, _ in look)
    session.show("\nLook at")
    for what, meaning in look:
        session.show(f"  {what:{width}}  {meaning}")
    session.show("\nYour own systems: kehu init myhub")
    if not shutil.which("kehu"):
        session.show(
            f"(kehu is {Path(sys.argv[0])}; 'source {Path(sys.argv[0]).parent / 'activate'}' puts it on your path)"
        )
    session.result(
        {
            **result,
            "folder": str(folder),
            "exports": [str(p) for p in exported],
            "evaluation": quality.as_dict(),
            "seconds_total": round(time.monotonic() - began, 1),
        }
    )
