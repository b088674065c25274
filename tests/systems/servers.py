"""The real systems that the tests start: installed by `.ci/systems`, filled by their own interfaces, on loopback."""

from __future__ import annotations

import json
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

from tests.support import postgres

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

    def __init__(
        self, command: list[str], env: dict[str, str], log: Path, ready: Callable[[], bool], folder: Path = HERE
    ):
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT, cwd=folder)
        deadline = time.monotonic() + 240
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
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
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
            ["-u", "party", "sale_opportunity", "marketing_email", "--activate-dependencies"],
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
        for model in ("marketing.email", "marketing.email.list", "web.user", "sale.opportunity", "party.party"):
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

    writer: subprocess.Popen[str] | None = None

    def admin(self, *arguments: str) -> None:
        subprocess.run(
            [program("helpdesk", "django-admin"), *arguments], env=self.env, cwd=HERE, check=True, capture_output=True
        )

    def get(self) -> requests.Response:
        return requests.get(f"{self.url}api/tickets/", auth=("kehu", PASSWORD), timeout=30)

    def write(self, *tickets: dict[str, Any]) -> list[int]:
        """Make many tickets quickly, or change those that have an `id`; their numbers."""
        return self._tell(tickets)

    def _tell(self, what: Any) -> list[int]:
        if self.writer is None:
            command = [program("helpdesk", "python"), str(HERE / "helpdesk_tickets.py")]
            pipe = subprocess.PIPE
            self.writer = subprocess.Popen(command, env=self.env, cwd=HERE, stdin=pipe, stdout=pipe, text=True)
        assert self.writer.stdin is not None and self.writer.stdout is not None
        self.writer.stdin.write(json.dumps(what) + "\n")
        self.writer.stdin.flush()
        return list(json.loads(self.writer.stdout.readline()))

    def open_ticket(self, title: str, address: str, description: str = "-") -> int:
        """Open a ticket through the interface, as people's browsers and programs do."""
        body = {"queue": 1, "title": title, "submitter_email": address, "description": description, "priority": 3}
        answer = requests.post(f"{self.url}api/tickets/", json=body, auth=("kehu", PASSWORD), timeout=60)
        answer.raise_for_status()
        return int(answer.json()["id"])

    def change_ticket(self, number: int, **values: Any) -> None:
        answer = requests.patch(f"{self.url}api/tickets/{number}/", json=values, auth=("kehu", PASSWORD), timeout=60)
        answer.raise_for_status()

    def delete_ticket(self, number: int) -> None:
        answer = requests.delete(f"{self.url}api/tickets/{number}/", auth=("kehu", PASSWORD), timeout=60)
        answer.raise_for_status()

    def clear(self) -> None:
        self._tell(None)

    def stop(self) -> None:
        if self.writer is not None and self.writer.stdin is not None:
            self.writer.stdin.close()
            self.writer.wait(20)
        self.process.stop()


class Bottle:
    """A BottleCRM on PostgreSQL with one organization, and a token of its administrator."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.folder = folder
        self.database = postgres.start()
        self.env = {
            **os.environ,
            "DBHOST": str(self.database.folder),
            "DBPORT": "5432",
            "DBNAME": self.database.fresh_database(),
            "DBUSER": "postgres",
            "DBPASSWORD": "none",
            "SECRET_KEY": PASSWORD * 3,
            "CELERY_BROKER_URL": "memory://",
            "CELERY_RESULT_BACKEND": "cache+memory://",
            "DJANGO_SETTINGS_MODULE": "crm.settings",
        }
        try:
            self.admin("migrate", "-v", "0")
            self.token = self.admin("shell", "-v", "0", "-c", _TOKEN).strip().splitlines()[-1]
            command = [program("bottlecrm", "gunicorn"), "-b", f"127.0.0.1:{self.port}", "--threads", "4", "crm.wsgi"]
            self.process = Process(command, self.env, folder / "log", self._answers, folder)
        except BaseException:
            self.database.stop()
            raise

    def _answers(self) -> bool:
        return self.call("GET", "accounts/").status_code == 200

    def admin(self, *arguments: str) -> str:
        command = [program("bottlecrm", "django-admin"), *arguments]
        done = subprocess.run(command, env=self.env, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.request(method, f"{self.url}api/{path}", headers=headers, timeout=60, **more)

    def write(self, path: str, **values: Any) -> str:
        """Make a record, or change the one at this path; its id."""
        answer = self.call("POST" if path.count("/") == 1 else "PATCH", path, json=values)
        assert answer.ok and not answer.json().get("error"), f"{path} {values}: {answer.status_code} {answer.text}"
        return str(answer.json().get("id") or "")

    def delete(self, path: str) -> None:
        answer = self.call("DELETE", path)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"

    def clear(self) -> None:
        """Delete everything, what was closed or switched off too: its name is taken as long as it is there."""
        for path, *places in (
            ("opportunities/", "opportunities"),
            ("cases/", "cases"),
            ("leads/", "open_leads.open_leads", "close_leads.close_leads"),
            ("contacts/", "results"),
            ("accounts/", "active_accounts.open_accounts", "closed_accounts.close_accounts"),
        ):
            while rows := [row for place in places for row in self.listed(path, place)]:
                for row in rows:
                    self.delete(f"{path}{row['id']}/")

    def listed(self, path: str, place: str) -> list[dict[str, Any]]:
        """The rows of a list, by the place where its envelope holds them."""
        rows: Any = self.call("GET", path, params={"limit": 1000}).json()
        for name in place.split("."):
            rows = rows[name]
        return list(rows)

    def stop(self) -> None:
        self.process.stop()
        self.database.stop()


_TOKEN = """
from django.contrib.auth import get_user_model
from common.models import Org, PersonalAccessToken, Profile
user = get_user_model().objects.create(email="kehu@example.com")
org = Org.objects.create(name="Kehu")
profile = Profile.objects.create(user=user, org=org, role="ADMIN", is_organization_admin=True)
print(PersonalAccessToken.generate(profile=profile, name="kehu", scopes=[], expires_at=None)[0])
"""


def kehu(folder: Path, *arguments: str, secret: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    """A command of Kehu in a project."""
    found = shutil.which("kehu", path=str(ROOT / ".venv" / "bin")) or "kehu"
    env = {**os.environ, "SYSTEM_SECRET": secret}
    return subprocess.run([found, *arguments], cwd=folder, env=env, capture_output=True, text=True)
