"""Reads the word lists that stand beside the code as text files.

Only reading: what a list means is said at its head and where it is used. Nothing is read at import.
"""

from __future__ import annotations

from importlib.resources import files


def list_lines(name: str) -> list[str]:
    """Lines of a word list without remarks and empty lines."""
    text = files("matching.standardise.words").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def list_words(name: str) -> list[str]:
    """All words of a word list, in its order."""
    return " ".join(list_lines(name)).split()


def list_groups(name: str) -> dict[str, str]:
    """Every word of a list of lines `head: word word`, mapped to its head."""
    groups: dict[str, str] = {}
    for line in list_lines(name):
        head, _, words = line.partition(":")
        groups.update(dict.fromkeys(words.split(), head.strip()))
    return groups
