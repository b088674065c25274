"""Marks where two values differ, character by character, so that an eye need not look for it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape
from rapidfuzz.distance import Indel

_UNLIKE = 0.35  # below this share of common characters marks would be confetti: the whole value is marked


def marked(
    one: Sequence[str], other: Sequence[str], met: tuple[Sequence[bool], Sequence[bool]]
) -> tuple[Markup, Markup]:
    """Two lists of values as HTML; what stands in one and not in the other is in `<ins class="diff">`.

    `met` says of each value whether the other list has it, perhaps in another spelling: then it is not marked. Two
    single values are compared by characters, longer lists by whole values.
    """
    if len(one) == 1 and len(other) == 1 and not all(met[0]):
        return _characters(one[0], other[0])
    return plain(one, met[0]), plain(other, met[1])


def plain(values: Sequence[str], met: Sequence[bool] = ()) -> Markup:
    """Values below each other; marked are those of which `met` says that the other list lacks them."""
    known = [*met, *[True] * (len(values) - len(met))]
    return Markup("<br>").join(escape(v) if yes else _mark(v) for v, yes in zip(values, known, strict=True))


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


def _mark(text: str) -> Markup:
    return Markup('<ins class="diff">{}</ins>').format(text) if text else Markup("")
