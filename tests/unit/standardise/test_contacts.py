from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.standardise import parse_email, parse_web_domain
from matching.standardise.contacts import registrable, split_emails


@pytest.mark.parametrize(
    ("raw", "value", "domain", "free", "role"),
    [
        ("Eva.Stone@Haichuan.com.CN", "eva.stone@haichuan.com.cn", "haichuan.com.cn", False, False),
        ("mailto:info@mail.haichuan.cn", "info@mail.haichuan.cn", "haichuan.cn", False, True),
        ('"Eva Stone" <eva+x@haichuan.cn>', "eva+x@haichuan.cn", "haichuan.cn", False, False),
        ("haichuan@vip.163.com", "haichuan@vip.163.com", "163.com", True, False),
        ("haichuan@wo.cn", "haichuan@wo.cn", "wo.cn", True, False),
        ("sales2@haichuan.cn", "sales2@haichuan.cn", "haichuan.cn", False, True),
        ("ｅｖａ＠haichuan.cn", "eva@haichuan.cn", "haichuan.cn", False, False),
    ],
)
def test_addresses(raw, value, domain, free, role):
    found = parse_email(raw)
    assert (found.value, found.domain, found.free, found.role) == (value, domain, free, role)


def test_addresses_that_identify_nobody():
    for raw in (
        "test@test.com",
        "none@none.com",
        "n/a",
        "无",
        "eva@",
        "@haichuan.cn",
        "eva",
        "123456@qq.com",
        "test@163.com",
    ):
        found = parse_email(raw)
        assert found.value is None and found.reason, raw


def test_several_addresses_in_one_field():
    assert split_emails("a1@haichuan.cn; b2@haichuan.cn") == ["a1@haichuan.cn", "b2@haichuan.cn"]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("http://www.haichuan.com.cn/index.html?a=1", "haichuan.com.cn"),
        ("WWW.Haichuan.COM", "haichuan.com"),
        ("https://shop.haichuan.co.uk:8443", "haichuan.co.uk"),
        ("haichuan.cn、haichuan.com", "haichuan.cn"),
        ("http//www.haichuan.cn", "haichuan.cn"),
        ("www。haichuan。cn", "haichuan.cn"),
    ],
)
def test_web_domains(raw, value):
    assert parse_web_domain(raw).value == value


def test_web_addresses_without_a_domain_of_their_own():
    for raw in ("n/a", "http://", "localhost", "www.qq.com", "192.168.0.1", "com.cn", "hai chuan"):
        found = parse_web_domain(raw)
        assert found.value is None and found.reason, raw


def test_international_domains():
    assert registrable("www.例子.cn") == "xn--fsqu00a.cn"


@given(st.text(max_size=40))
def test_never_raises(raw):
    email, domain = parse_email(raw), parse_web_domain(raw)
    assert (email.value is None) == (email.reason is not None)
    assert (domain.value is None) == (domain.reason is not None)


@given(st.from_regex(r"[a-z]{3,8}\.[a-z]{3,8}@[a-z]{4,9}\.(com|cn|de)", fullmatch=True))
def test_a_standard_address_is_its_own_standard(address):
    value = parse_email(address).value
    assert value is None or parse_email(value).value == value == address


def test_registrable_domains_are_those_of_the_library():
    from publicsuffixlist import PSLFILE, PublicSuffixList

    library = PublicSuffixList()
    lines = Path(PSLFILE).read_text(encoding="utf-8").splitlines()
    rules = [line.split(" ")[0].lstrip("!*.") for line in lines if line and not line.startswith("//")]
    hosts = [head + rule for rule in rules for head in ("", "a.", "a.b.", "www.a.b.") if (head + rule).isascii()]
    hosts += ["a.unheardof", "unheardof", "a.xn--55qx5d.cn", "a.b.xn--fiqs8s"]
    for host in hosts:
        assert registrable(host) == (library.privatesuffix(host) if "." in host else None), host
