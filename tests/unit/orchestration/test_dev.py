"""The command that opens Dagster's pages, and the settings it writes."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from models.errors import KehuError
from orchestration.dev import dagster_dev, refuse_taken
from tests.unit.orchestration.conftest import Hub


def test_the_command_works_from_any_folder(hub: Hub) -> None:
    dev = dagster_dev(hub.config, port=3456)
    assert dev.argv[0] == sys.executable and dev.url == "http://127.0.0.1:3456"
    assert dev.argv[3:8] == ["-m", "dagster", "dev", "-m", "orchestration.definitions"]
    assert dev.env["KEHU_CONFIG"] == str(hub.config.file) and dev.cwd == hub.folder
    assert dev.home == hub.config.workspace / "dagster" and dev.env["DAGSTER_HOME"] == str(dev.home)


def test_dagster_takes_the_settings(hub: Hub) -> None:
    dev = dagster_dev(hub.config)
    home = dev.home
    assert dev.new and not dagster_dev(hub.config).new
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.telemetry_enabled is False and instance.nux_enabled is False
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1


def test_settings_that_are_there_stay(hub: Hub) -> None:
    home = dagster_dev(hub.config).home
    (home / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    assert (dagster_dev(hub.config).home / "dagster.yaml").read_text() == "telemetry: {enabled: true}\n"


def test_dagster_home_of_the_environment_is_used(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere"))
    assert dagster_dev(hub.config).home == tmp_path / "elsewhere"
    assert (tmp_path / "elsewhere/dagster.yaml").exists()


def test_asking_for_the_command_does_not_load_dagster() -> None:
    program = "import sys, orchestration.dev; sys.exit('dagster' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, timeout=60, check=False).returncode == 0


def test_a_taken_port_is_refused_before_dagster_takes_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(KehuError, match=f"port {port} of 127.0.0.1 is taken"):
            refuse_taken("127.0.0.1", port)
    refuse_taken("127.0.0.1", port)
