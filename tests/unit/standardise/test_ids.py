from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stdnum import lei, vatin
from stdnum.cn import ric, uscc
from vininfo import Vin

from matching.standardise import (
    check_lei,
    check_national_id,
    check_org_code,
    check_resident_id,
    check_tax_id,
    check_uscc,
    check_vat,
    check_vin,
    normal_plate,
)
from matching.standardise.ids import org_code_check_char, resident_check_char, uscc_check_char, uscc_org_code

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
heads = st.from_regex(r"9[123]\d{6}[0-9A-HJ-NPQRTUWXY]{9}", fullmatch=True).filter(lambda t: t.isascii())


@given(heads)
def test_credit_codes_agree_with_the_reference(head):
    code = head + (uscc_check_char(head) or "")
    assert check_uscc(code).ok == uscc.is_valid(code) is True
    wrong = head + ALPHABET[(ALPHABET.index(code[17]) + 1) % 31]
    assert not check_uscc(wrong).ok and not uscc.is_valid(wrong)


@given(heads.filter(lambda h: "0" in h[8:]))
def test_a_letter_o_for_zero_is_repaired(head):
    code = head + (uscc_check_char(head) or "")
    at = head.index("0", 8)
    typed = code[:at] + "O" + code[at + 1 :]
    found = check_uscc(" ".join((typed[:4], typed[4:])).lower())
    assert (found.value, found.ok, found.repaired) == (code, True, True)


@given(st.from_regex(r"(11|37|44)01\d{2}19[5-9]\d(0[1-9]|1[0-2])([01][1-9]|2[0-8])\d{3}", fullmatch=True))
def test_resident_ids_agree_with_the_reference(head):
    if not head.isascii():
        return
    number = head + resident_check_char(head)
    assert check_resident_id(number).ok
    assert ric.calc_check_digit(number) == number[17]
    old = head[:6] + head[8:17]
    assert check_resident_id(old).value == number[:6] + "19" + number[8:]


@given(st.from_regex(r"[0-9A-HJ-NPR-Z]{17}", fullmatch=True).filter(lambda t: t.isascii()))
def test_the_vin_check_agrees_with_the_reference(text):
    if len(set(text)) < 4:
        return
    ours = check_vin("1" + text[1:]).ok
    assert ours == Vin("1" + text[1:]).verify_checksum(check_year=False)
    assert check_vin("W" + text[1:]).ok


def test_vin_errors_say_why():
    assert check_vin("1M8GDM9AXKP042788").ok and not check_vin("1M8GDM9AXKP042789").ok
    assert check_vin("1M8GDM9AXKPO42788").value == "1M8GDM9AXKP042788"
    assert "17" in (check_vin("1M8").reason or "")


@given(st.from_regex(r"[0-9A-Z]{18}", fullmatch=True).filter(lambda t: t.isascii() and len(set(t)) > 3))
def test_lei_agrees_with_the_reference(head):
    number = int("".join(str(int(c, 36)) for c in head + "00"))
    code = f"{head}{98 - number % 97:02d}"
    assert check_lei(code).ok and lei.is_valid(code)
    assert not check_lei(code[:-1] + str((int(code[-1]) + 1) % 10)).ok


def test_vat_agrees_with_the_reference():
    for number in ("DE136695976", "FR40303265045", "GB980780684", "NL004495445B01", "IT00743110157", "DE123456789"):
        assert check_vat(number[:2] + " " + number[2:]).ok == vatin.is_valid(number)


def test_organisation_codes():
    head = "71092438"
    code = head + (org_code_check_char(head) or "")
    assert check_org_code(f"{code[:8]}-{code[8]}").ok
    first = "91440300" + code
    assert uscc_org_code(first + (uscc_check_char(first) or "")) == code


def test_tax_numbers_of_unknown_kind():
    head = "91370200MA3C4XYX2"
    code = head + (uscc_check_char(head) or "")
    found = check_tax_id(f"{code[:6]}-{code[6:]}")
    assert (found.value, found.ok, found.kind) == (code, True, "uscc")
    assert check_tax_id("12-3456789").kind == "other" and check_tax_id("DE136695976").kind == "vat"
    for raw in ("n/a", "000000000000000000", "111111111111111111", "无", "123456789"):
        found = check_tax_id(raw)
        assert found.value is None and found.reason, raw


def test_number_plates():
    assert normal_plate("鲁B·12345") == normal_plate("鲁b 12345") == "鲁B12345"
    assert normal_plate("无") is None and normal_plate("00000") is None


def test_other_personal_numbers_are_normalised_only():
    found = check_national_id("294-61-7788")
    assert (found.value, found.ok, found.kind) == ("294617788", False, "other")


@given(st.text(max_size=24))
def test_never_raises(raw):
    for check in (
        check_uscc,
        check_resident_id,
        check_vin,
        check_vat,
        check_lei,
        check_tax_id,
        check_national_id,
        check_org_code,
    ):
        found = check(raw)
        assert found.ok or found.reason
