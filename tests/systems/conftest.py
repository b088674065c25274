from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.systems.servers import Bottle, Helpdesk, Tryton


@pytest.fixture(scope="session")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    """A running Tryton."""
    server = Tryton(tmp_path_factory.mktemp("tryton"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def helpdesk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helpdesk]:
    """A running django-helpdesk."""
    server = Helpdesk(tmp_path_factory.mktemp("helpdesk"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def bottle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bottle]:
    """A running BottleCRM."""
    server = Bottle(tmp_path_factory.mktemp("bottle"))
    yield server
    server.stop()
