"""Words that say what an organisation does or how it is organised, behind the trade name (字号) of a Chinese name.

The longer and better the list, the more often the trade name is read correctly: it is the main lever of the parser.
"""

from __future__ import annotations

from functools import cache

from matching.standardise.wordlists import list_words


@cache
def trade_words() -> tuple[frozenset[str], int]:
    """All trade words, and the length of the longest."""
    words = frozenset(list_words("trade"))
    return words, max(map(len, words))


@cache
def trade_tails() -> dict[str, tuple[int, ...]]:
    """Two characters → the lengths of the trade words of two and more characters that end so, longest first."""
    lengths: dict[str, set[int]] = {}
    for word in trade_words()[0]:
        if len(word) > 1:
            lengths.setdefault(word[-2:], set()).add(len(word))
    return {tail: tuple(sorted(sizes, reverse=True)) for tail, sizes in lengths.items()}


@cache
def shop_tails() -> tuple[str, ...]:
    """Endings that mark a shop of one person when no company form follows."""
    return tuple(list_words("shop_tails"))


@cache
def institution_tails() -> tuple[str, ...]:
    """Endings of public bodies, never a shop of one person."""
    return tuple(list_words("institution_tails"))
