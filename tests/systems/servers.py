"""The real systems that the tests start: installed by `.ci/systems`, filled by their own interfaces, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PASSWORD = "s3cret-of-the-systems"


def program(system: str, name: str) -> str:
    """A program of an installed system. Raises RuntimeError that says what to run when there is none."""
    path = ROOT / ".systems" / system / "bin" / name
    if not path.exists():
        raise RuntimeError(f"{system} is not installed: run 'make test-systems'")
    return str(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A server process; it is waited for until it answers."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path, ready: Callable[[], bool]):
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT, cwd=HERE)
        deadline = time.monotonic() + 120
        while not self._answers(ready):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{command[0]} does not answer:\n{log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.3)

    def _answers(self, ready: Callable[[], bool]) -> bool:
        try:
            return ready()
        except requests.RequestException:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Tryton:
    """A Tryton on SQLite with parties, sales and opportunities."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        (folder / "db").mkdir()
        config, password = folder / "trytond.conf", folder / "password"
        config.write_text(
            f"[database]\nuri = sqlite://\npath = {folder / 'db'}\n"
            f"[web]\nlisten = 127.0.0.1:{self.port}\n[session]\nauthentications = password\n"
        )
        password.write_text(PASSWORD)
        env = {**os.environ, "TRYTONPASSFILE": str(password)}
        (folder / "db" / "crm.sqlite").touch()
        admin = [program("tryton", "trytond-admin"), "-c", str(config), "-d", "crm"]
        for more in (
            ["--all", "--email", "a@example.com"],
            ["-u", "party", "sale_opportunity", "--activate-dependencies"],
        ):
            subprocess.run([*admin, *more], env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        command = [program("tryton", "trytond"), "-c", str(config), "-d", "crm"]
        self.process = Process(
            command, env, folder / "log", lambda: requests.get(self.url, timeout=5).status_code < 500
        )
        user, session = self.rpc("common.db.login", "admin", {"password": PASSWORD}, "en")[:2]
        self.headers = {"Authorization": "Session " + b64encode(f"admin:{user}:{session}".encode()).decode()}

    headers: dict[str, str] = {}

    def rpc(self, method: str, *params: Any) -> Any:
        body = {"method": method, "params": list(params), "id": 1}
        answer = requests.post(f"{self.url}crm/rpc/", json=body, headers=self.headers, timeout=60)
        answer.raise_for_status()
        assert "error" not in answer.json(), answer.json()
        return answer.json()["result"]

    def call(self, method: str, *params: Any) -> Any:
        return self.rpc(f"model.{method}", *params, {"active_test": False})

    def clear(self) -> None:
        for model in ("sale.opportunity", "party.party"):
            if found := self.call(f"{model}.search", [], 0, None, None):
                self.call(f"{model}.delete", found)

    def stop(self) -> None:
        self.process.stop()


class Helpdesk:
    """A django-helpdesk on SQLite with one queue."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.env = {
            **os.environ,
            "HELPDESK_DB": str(folder / "helpdesk.db"),
            "DJANGO_SETTINGS_MODULE": "helpdesk_settings",
            "PYTHONPATH": str(HERE),
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        self.admin("migrate", "-v", "0")
        self.admin("createsuperuser", "--noinput", "--username", "kehu", "--email", "k@example.com")
        made = "Queue.objects.create(title='Service', slug='service', email_address='s@example.com')"
        self.admin("shell", "-c", f"from helpdesk.models import Queue; {made}")
        command = [program("helpdesk", "django-admin"), "runserver", "--noreload", f"127.0.0.1:{self.port}"]
        self.process = Process(command, self.env, folder / "log", lambda: self.get().status_code == 200)

    def admin(self, *arguments: str) -> None:
        subprocess.run(
            [program("helpdesk", "django-admin"), *arguments], env=self.env, cwd=HERE, check=True, capture_output=True
        )

    def get(self) -> requests.Response:
        return requests.get(f"{self.url}api/tickets/", auth=("kehu", PASSWORD), timeout=30)

    def open_ticket(self, title: str, address: str, description: str = "-") -> int:
        body = {"queue": 1, "title": title, "submitter_email": address, "description": description, "priority": 3}
        answer = requests.post(f"{self.url}api/tickets/", json=body, auth=("kehu", PASSWORD), timeout=30)
        answer.raise_for_status()
        return int(answer.json()["id"])

    def delete_ticket(self, number: int) -> None:
        answer = requests.delete(f"{self.url}api/tickets/{number}/", auth=("kehu", PASSWORD), timeout=30)
        answer.raise_for_status()

    def clear(self) -> None:
        while found := self.get().json()["results"]:
            for ticket in found:
                self.delete_ticket(ticket["id"])

    def stop(self) -> None:
        self.process.stop()


def kehu(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of Kehu in a project."""
    found = shutil.which("kehu", path=str(ROOT / ".venv" / "bin")) or "kehu"
    env = {**os.environ, "SYSTEM_PASSWORD": PASSWORD}
    return subprocess.run([found, *arguments], cwd=folder, env=env, capture_output=True, text=True)
