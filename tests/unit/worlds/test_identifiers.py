"""Numbers of the generated worlds pass the check digits of independent libraries."""

from datetime import date

import phonenumbers
import pytest
from stdnum.cn import ric, uscc
from stdnum.de import vat as german_vat
from stdnum.gb import vat as british_vat

from worlds import identifiers as ids
from worlds.dice import Dice
from worlds.places import cities


@pytest.mark.parametrize("sole_trader", [False, True])
def test_credit_codes(sole_trader: bool) -> None:
    rng = Dice("credit codes")
    places, _ = cities("han")
    for _ in range(400):
        code = ids.credit_code(rng, rng.pick(rng.pick(places).districts)[0], sole_trader)
        assert uscc.validate(code) == code
        assert code.startswith("92" if sole_trader else "91")
        inner = 11 - sum(int(c, 36) * w for c, w in zip(code[8:16], (3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
        assert code[16] == {10: "X", 11: "0"}.get(inner, str(inner))  # GB 11714


def test_resident_ids() -> None:
    rng = Dice("resident ids")
    for _ in range(300):
        number = ids.resident_id(rng, "110101", date(1980, 2, 29), True)
        assert ric.validate(number) == number
        assert ric.get_birth_date(number) == date(1980, 2, 29)
        assert int(number[16]) % 2 == 1


def test_vat_numbers() -> None:
    rng = Dice("vat")
    for _ in range(300):
        british_vat.validate(ids.vat_number(rng, "GB"))
        german_vat.validate(ids.vat_number(rng, "DE"))


@pytest.mark.parametrize("script", ["han", "latin"])
def test_phones_are_possible_numbers(script: str) -> None:
    rng = Dice("phones")
    for city in cities(script)[0]:
        numbers = [make(rng, city) for make in (ids.landline, ids.mobile) for _ in range(10)]
        parsed = [phonenumbers.parse(f"+{n}", None) for n in numbers]
        assert {p.country_code for p in parsed} == {phonenumbers.country_code_for_region(city.country)}
        assert sum(phonenumbers.is_valid_number(p) for p in parsed) >= 18, city.name


def test_typos_change_one_place() -> None:
    rng = Dice("typos")
    for _ in range(200):
        wrong = ids.typo_digit(rng, "13954021877")
        assert len(wrong) == 11 and wrong != "13954021877"
        assert abs(len(ids.typo_letter(rng, "Hoffmann")) - 8) <= 1
