"""Word lists of the generated worlds, as text files in sections, and their reader."""

from functools import cache
from importlib.resources import files


@cache
def sections(name: str) -> dict[str, list[str]]:
    """The lines of `name`.txt by section; a section starts with `[title]`, a comment with `#`."""
    out: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            lines = out[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            lines.append(line)
    return out


def words(name: str, section: str) -> tuple[str, ...]:
    """The words of a section, split at white space; an underscore inside a word becomes a space."""
    return tuple(w.replace("_", " ") for line in sections(name)[section] for w in line.split())


def text(name: str, section: str) -> str:
    """The section as one string without line breaks."""
    return "".join(sections(name)[section])


def rows(name: str, section: str, separator: str | None = ";") -> list[list[str]]:
    """The lines of a section as lists of fields."""
    return [line.split(separator) for line in sections(name)[section]]
