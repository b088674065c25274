from __future__ import annotations

import io

import pytest

from connectors.encoding import CHUNK, scan

CHINESE = (
    "客户编号,客户名称,城市\n1,江苏顺丰物流有限公司,苏州市\n2,北京东方汽车运输集团股份有限公司,北京市朝阳区建国路88号\n"
)
TAIWAN = (
    "客戶編號,客戶名稱,城市\n1,台灣積體電路製造股份有限公司,新竹市\n2,鴻海精密工業股份有限公司,新北市土城區中山路66號\n"
)
FRENCH = (
    "id,nom,ville\n1,Société Générale des Transports,Évreux\n2,Frères Müller & Cie,Besançon\n3,Forêt Noire,Öhringen\n"
)


def found(content: bytes, encoding: str | None = None) -> tuple[str, bool]:
    result = scan(io.BytesIO(content), encoding)
    return result.encoding, result.clean


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        ("id,name\n1,ACME\n", "ascii", "utf-8"),
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE * 3000, "gb18030", "gb18030"),
        (CHINESE, "utf-16", "utf-16"),
        ("id,name\n1,ACME and others\n", "utf-16-le", "utf-16-le"),
        ("id,name\n1,ACME and others\n", "utf-16-be", "utf-16-be"),
        (TAIWAN, "big5", "big5"),
        (FRENCH, "utf-8", "utf-8"),
        (FRENCH, "cp1252", "cp1252"),
        (FRENCH, "latin-1", "cp1252"),
        ("id,name\n1,Café\n", "cp1252", "cp1252"),
        ("id,name\n" + "1,plain\n" * 300_000 + "2,广州\n", "gb18030", "gb18030"),
    ],
)
def test_the_encoding_is_found(text: str, codec: str, expected: str) -> None:
    assert found(text.encode(codec)) == (expected, True)


def test_damage_in_utf8_is_not_taken_for_another_encoding() -> None:
    assert found(CHINESE.encode() + "3,坏行".encode("gb18030") + b"\n") == ("utf-8", False)
    assert found(b"id,name\n1,ACME\n2,Bad \xff\xfe Ltd\n") == ("utf-8", False)
    assert found(b"id,name\n1,ACME\n2,Bad \x81\x8d Ltd\n") == ("utf-8", False)


def test_damage_at_the_very_end_is_seen() -> None:
    assert found("1,客户".encode()[:-1])[1] is False


def test_a_character_across_two_chunks_is_whole() -> None:
    text = "a" * (CHUNK - 1) + "户" * 10
    assert found(text.encode()) == ("utf-8", True)


def test_a_given_encoding_is_kept_and_tried() -> None:
    assert found(CHINESE.encode("gb18030"), "gb18030") == ("gb18030", True)
    assert found(CHINESE.encode("utf-8") + b"\xff", "utf-8") == ("utf-8", False)


def test_quotes_are_counted() -> None:
    assert scan(io.BytesIO(b'a,"b"\n1,"x')).quotes == 3
