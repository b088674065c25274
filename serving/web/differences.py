"""Marks where two values differ, character by character, so that an eye need not look for it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape
from rapidfuzz.distance import Indel

_UNLIKE = 0.35  # below this share of common characters marks would be confetti: the whole value is marked


def marked(one: Sequence[str], other: Sequence[str]) -> tuple[Markup, Markup]:
    """Two lists of values as HTML; what stands in one and not in the other is in `<ins class="diff">`.

    Two single values are compared by characters, longer lists by whole values.
    """
    if len(one) == 1 and len(other) == 1:
        return _characters(one[0], other[0])
    return _whole(one, other), _whole(other, one)


def _characters(one: str, other: str) -> tuple[Markup, Markup]:
    if one == other:
        return escape(one), escape(other)
    if Indel.normalized_similarity(one, other) < _UNLIKE:
        return _mark(one), _mark(other)
    left, right = Markup(""), Markup("")
    for step in Indel.opcodes(one, other):
        a, b = one[step.src_start : step.src_end], other[step.dest_start : step.dest_end]
        left += escape(a) if step.tag == "equal" else _mark(a)
        right += escape(b) if step.tag == "equal" else _mark(b)
    return left, right


def _whole(values: Sequence[str], others: Sequence[str]) -> Markup:
    known = set(others)
    return Markup("<br>").join(escape(v) if v in known else _mark(v) for v in values)


def _mark(text: str) -> Markup:
    return Markup('<ins class="diff">{}</ins>').format(text) if text else Markup("")
