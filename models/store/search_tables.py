"""The search index of a store: words of source records, each with the records that have it.

A word is a number made of its kind and text (`word_number`), so that the index is the same on both databases and small.
Only ever a way to candidates: whoever searches looks at the records themselves, so a word that a record no longer has
costs a look and nothing else.
"""

from __future__ import annotations

import functools
import hashlib

import sqlalchemy as sa

from models.store.tables import Id, _column, metadata

search_word = sa.Table(
    "search_word",
    metadata,
    _column("word", Id, key=True),
    _column("record_id", Id, key=True),
    sqlite_with_rowid=False,
)

SEARCH_TABLES = (search_word,)


def word_number(kind: str, text: str) -> int:
    """The number of a word, the same as `publish_search` gives it."""
    digest = hashlib.md5(f"{kind}:{text}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little") >> 1


@functools.cache
def initial_of(sign: str) -> str:
    """The first letter of a Chinese character's usual reading; empty for anything else."""
    from pypinyin import Style, pinyin  # slow to import, and few ask

    read = pinyin(sign, style=Style.FIRST_LETTER, errors="ignore")
    return str(read[0][0]) if len(sign) == 1 and read and read[0] else ""


def initials_of(name: str) -> str:
    """The first letters of the syllables of a Chinese name, as they are typed to find it."""
    return "".join(initial_of(sign) for sign in name)
