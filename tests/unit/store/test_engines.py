"""Opening a store again in one process: what was learned of its database is kept, connections are not."""

from __future__ import annotations

from models.store import open_store


def test_a_store_that_is_opened_again_uses_what_was_learned_of_its_database(store_url: str) -> None:
    first = open_store(store_url)
    engine = first.engine
    first.close()
    with open_store(store_url) as second:
        assert second.engine is engine
        assert second.last_run() is None


def test_two_open_stores_share_nothing(store_url: str) -> None:
    with open_store(store_url) as one, open_store(store_url) as other:
        assert one.engine is not other.engine
        one.close()
        one.close()
        with open_store(store_url) as third:
            assert third.engine is one.engine is not other.engine
            with open_store(store_url) as fourth:
                assert fourth.engine not in (one.engine, other.engine)


def test_a_closed_store_holds_no_connection(store_url: str) -> None:
    store = open_store(store_url)
    store.last_run()
    store.close()
    assert store.engine.pool.checkedin() == 0  # type: ignore[attr-defined]
