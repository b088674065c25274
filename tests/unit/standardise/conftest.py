from __future__ import annotations

import pytest

from matching.standardise import parse_address, parse_email, parse_org_name, parse_person_name, parse_phone


@pytest.fixture(scope="session", autouse=True)
def tables_read() -> None:
    """Character tables and word lists are read at first use, which no generated example should pay for."""
    for name in ("青岛海川货運有限公司", "Müller Freight (Qingdao) Co., Ltd."):
        parse_org_name(name)
        parse_address(f"{name} 香港中路66号")
    for name in ("欧阳 修", "Bob Smith", "ΑΒ"):
        parse_person_name(name)
    parse_email("müller@müller.de")
    parse_phone("020 7946 0958", "GB")
