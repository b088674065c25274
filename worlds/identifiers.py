"""Numbers that a customer record carries, valid by their own check digits: tax ids, identity numbers, phones.

Everything here is generated at random; a number that exists in the world is a coincidence.
"""

from datetime import date

from worlds.dice import Dice
from worlds.places import City

_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
_ORG = {c: i for i, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997
_USCC_VALUE = {c: i for i, c in enumerate(_USCC)}
_USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_RESIDENT_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))  # GB 11643-1999
_MOBILE = (
    "130 131 132 133 135 136 137 138 139 147 150 151 152 153 155 156 157 158 159 166 "
    "173 175 176 177 178 180 181 182 183 185 186 187 188 189 191 198 199"
).split()
_GB_FIRST = {
    "0114": "2",
    "0117": "9",
    "0113": "23",
    "0121": "234567",
    "0115": "9",
    "0131": "2345",
}  # first digit of a local number
_LETTERS = "ABCEGHJKLMNPRSTWXYZ"


def credit_code(rng: Dice, region: str, sole_trader: bool = False) -> str:
    """A unified social credit code of a company (91) or sole trader (92) of `region` (6 digits); check digits hold."""
    if rng.random() < 0.6:  # codes issued since 2015 begin their organisation part with MA
        body = "MA" + "".join([rng.pick(_USCC) for _ in range(6)])
    else:
        body = f"{rng.between(10_000_000, 99_999_999)}"
    inner = 11 - sum(_ORG[c] * w for c, w in zip(body, _ORG_WEIGHTS, strict=True)) % 11
    head = (
        ("92" if sole_trader else "91") + region + body + ("X" if inner == 10 else "0" if inner == 11 else str(inner))
    )
    return head + _USCC[(31 - sum(_USCC_VALUE[c] * w for c, w in zip(head, _USCC_WEIGHTS, strict=True)) % 31) % 31]


def vat_number(rng: Dice, country: str) -> str:
    """A VAT number of GB (mod 97) or DE (ISO 7064 mod 11, 10), else a US employer id (which has no check digit)."""
    if country == "GB":
        body = f"{rng.between(1_000_000, 9_999_999)}"
        check = -sum(int(c) * w for c, w in zip(body, range(8, 1, -1), strict=True)) % 97
        return f"GB{body}{check or 97:02d}"
    if country == "DE":
        body, rest = f"{rng.between(10_000_000, 99_999_999)}", 10
        for c in body:
            rest = ((rest + int(c)) % 10 or 10) * 2 % 11
        return f"DE{body}{(11 - rest) % 10}"
    return f"{rng.between(10, 99)}-{rng.between(1_000_000, 9_999_999)}"


def resident_id(rng: Dice, region: str, born: date, male: bool) -> str:
    """A Chinese resident identity number: region, date of birth, sequence (odd for men), check character."""
    body = f"{region}{born:%Y%m%d}{rng.below(499) * 2 + (1 if male else 2):03d}"
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, _RESIDENT_WEIGHTS, strict=True)) % 11]


def other_id(rng: Dice, country: str) -> str:
    """A US social security number, a GB national insurance number or a German passport number (shape only)."""
    if country == "US":
        area = rng.pick((rng.between(1, 666), rng.between(667, 900)))
        return f"{area:03d}-{rng.between(1, 100):02d}-{rng.between(1, 10_000):04d}"
    if country == "GB":
        return f"{rng.pick(_LETTERS)}{rng.pick(_LETTERS)}{rng.between(100_000, 999_999)}{rng.pick('ABCD')}"
    return "C" + "".join([rng.pick("0123456789CFGHJKLMNPRTVWXYZ") for _ in range(8)])


def mobile(rng: Dice, city: City) -> str:
    """A mobile number in international digits, with its country's code and no plus sign."""
    if city.country == "CN":
        return f"86{rng.pick(_MOBILE)}{rng.below(100_000_000):08d}"
    if city.country == "GB":
        return f"447{rng.pick('45789')}{rng.below(100_000_000):08d}"
    if city.country == "DE":
        return f"49{rng.pick(('160', '170', '171', '172', '175'))}{rng.between(2_000_000, 9_999_999)}"
    return landline(rng, city)


def landline(rng: Dice, city: City) -> str:
    """A land line of the city in international digits, with its country's code and no plus sign."""
    dial = rng.pick(city.dial)
    if city.country == "CN":
        first = rng.pick("2345678" if city.local_digits == 7 else "5688")
        return f"86{dial[1:]}{first}{rng.below(10 ** (city.local_digits - 1)):0{city.local_digits - 1}d}"
    if city.country == "GB":
        if dial == "020":
            return f"4420{rng.pick('378')}{rng.between(1_000_000, 9_999_999)}"
        return f"44{dial[1:]}{rng.pick(_GB_FIRST.get(dial, '2789'))}{rng.below(1_000_000):06d}"
    if city.country == "DE":
        return f"49{dial[1:]}{rng.between(2_000_000, 9_999_999)}"
    middle = rng.between(200, 999)
    return f"1{dial}{middle + (1 if middle % 100 == 11 else 0)}{rng.below(10_000):04d}"


def typo_digit(rng: Dice, digits: str) -> str:
    """The string with one digit changed, or two neighbours exchanged."""
    places = [i for i, c in enumerate(digits) if c.isdigit()]
    if len(places) < 2:
        return digits
    i = rng.pick(places[:-1])
    if rng.random() < 0.4 and digits[i + 1].isdigit() and digits[i] != digits[i + 1]:
        return digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]
    return digits[:i] + str((int(digits[i]) + rng.between(1, 10)) % 10) + digits[i + 1 :]


def typo_letter(rng: Dice, text: str) -> str:
    """The text with one letter dropped, doubled, changed or exchanged with its neighbour."""
    places = [i for i, c in enumerate(text) if c.isalpha()]
    if len(places) < 4:
        return text
    i = rng.pick(places[1:-1])
    kind = rng.below(4)
    if kind == 0:
        return text[:i] + text[i + 1 :]
    if kind == 1:
        return text[: i + 1] + text[i:]
    if kind == 2:
        return text[:i] + rng.pick("aeiourstln") + text[i + 1 :]
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]
