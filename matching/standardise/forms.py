"""The forms that contracts may ask of a value, each as a question with yes or no."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from matching.standardise.contacts import parse_email
from matching.standardise.ids import check_tax_id, check_vin, normal_plate
from matching.standardise.phones import parse_phone

# Province, office, five or six characters (six for new energy), and the endings of trailers, coaches and others.
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使][A-Z][0-9A-Z]{4,6}[挂学警港澳]?"
)
_FOREIGN_PLATE = re.compile(r"(?=.*\d)[A-Z0-9]{3,10}")


def is_plate(value: str) -> bool:
    """Whether a number plate is one of China, or letters and digits as elsewhere."""
    plate = normal_plate(value)
    return plate is not None and bool(_PLATE.fullmatch(plate) or _FOREIGN_PLATE.fullmatch(plate))


def normal_vin(value: str) -> str:
    """A vehicle identification number in one form: repaired where it can be, else in capitals without separators."""
    found = check_vin(value)
    return found.value if found.value is not None else value.strip().upper()


FORMS: Mapping[str, Callable[[str], bool]] = {
    "vin": lambda value: check_vin(value).ok,
    "plate": is_plate,
    "phone": lambda value: parse_phone(value, "CN").value is not None,
    "email": lambda value: parse_email(value).value is not None,
    "tax_id": lambda value: check_tax_id(value).ok,
}
"""Form → whether a value has it."""
