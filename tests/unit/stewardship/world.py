"""A hub with one doubtful pair, for the tests of stewardship."""

from __future__ import annotations

from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import MakeHub

GREY = {
    "a": {"full_name": "王建国", "phone": "13800138001", "birth_date": "1980-04-03"},
    "b": {"full_name": "王建国", "email": "jianguo.wang@haichuan.cn", "address_line": "青岛市香港中路66号"},
}
OTHER = {"x": {"full_name": "Robert Miller", "phone": "13900139009", "birth_date": "1971-01-30"}}


def grey_hub(make_hub: MakeHub) -> Hub:
    """Persons a and b, of whom nobody knows whether they are one, and x."""
    hub = make_hub("person", matching={"person": {"review": -20.0}})
    hub.put({**GREY, **OTHER})
    hub.run()
    assert hub.groups() == {"a", "b", "x"}
    assert [task["of"] for task in hub.tasks()] == ["a b"], hub.tasks()
    return hub
