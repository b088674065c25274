"""Takes a landed batch again, as if it were delivered now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from connectors.landing import Landed, fingerprint
from models.config import Source, Stream, nearest
from models.errors import ConfigError


def batches(workspace: Path, source: Source, stream: Stream) -> list[dict[str, Any]]:
    """The manifests of a stream's landed batches that are still there, the newest first."""
    folder = workspace / "landing" / source.name / stream.name
    found = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return [
        orjson.loads((path / "manifest.json").read_bytes())
        for path in sorted(found, reverse=True)
        if (path / "manifest.json").is_file()
    ]


def replay(workspace: Path, source: Source, stream: Stream, batch: str) -> Landed:
    """A landed batch as the answer of a landing; `latest` is the newest one.

    The next reading of the stream starts over, so that the hub ends where the source is. Raises ConfigError for a batch
    that is not there, or was landed under another configuration of the stream.
    """
    there = batches(workspace, source, stream)
    name = f"{source.name}.{stream.name}"
    names = [str(manifest["batch_id"]) for manifest in there]
    if batch == "latest" and names:
        batch = names[0]
    if batch not in names:
        shown = f"; there are {', '.join(names)}" if names else "; none is kept"
        raise ConfigError(f"{name} has no landed batch '{batch}'{shown}", nearest=nearest(batch, names))
    manifest = there[names.index(batch)]
    if manifest.get("config") != fingerprint(source, stream):
        raise ConfigError(
            f"{name}: batch {batch} was landed with other settings (key, options, encoding …) than kehu.yaml has now"
        )
    folder = Path("landing") / source.name / stream.name / batch
    return Landed(
        source.name,
        stream.name,
        stream.entity,
        "landed",
        batch_dir=str(folder),
        mode=manifest["mode"],
        rows=manifest["rows"],
        bad_rows=manifest["bad_rows"],
        extra_columns=manifest.get("extra_columns", []),
        repeated=manifest.get("repeated", 0),
        # Without the connector's place the next reading is one of everything.
        new_state={"schema": manifest.get("schema", {}), "kinds": manifest.get("kinds", {}), "rows": 0},
        replayed=batch,
    )
