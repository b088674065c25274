"""Many texts looked for at once: in columns and in files, in one pass whatever their number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

_CHUNK = 8 << 20
_PER_PATTERN = 200  # texts; the automaton of more would outgrow the memory that RE2 allows it, and be slow


class Needles:
    """Texts, each as it is and as JSON writes it (where a quotation mark or a backslash stands otherwise)."""

    def __init__(self, texts: Iterable[str]):
        self.written = {text: {text, orjson.dumps(text).decode()[1:-1]} for text in texts if text}
        forms = sorted({form for forms in self.written.values() for form in forms})
        self._longest = max((len(form.encode()) for form in forms), default=0)
        self._patterns = [
            "|".join(re.escape(form) for form in forms[i : i + _PER_PATTERN])
            for i in range(0, len(forms), _PER_PATTERN)
        ]

    def __len__(self) -> int:
        return len(self.written)

    def rows(self, column: pa.Array) -> pa.Array:
        """Those texts of a column in which any of them stands."""
        column = column.cast(pa.large_string())
        if not self._stand_in(_as_one(column)):
            return column.slice(0, 0)
        hit = np.zeros(len(column), dtype=bool)
        for pattern in self._patterns:
            hit |= pc.fill_null(pc.match_substring_regex(column, pattern), False).to_numpy(zero_copy_only=False)
        return column.filter(pa.array(hit))

    def among(self, column: pa.Array) -> set[str]:
        """Those of the texts that stand in a column."""
        rows = self.rows(column)
        return {text for text, forms in self.written.items() if any(_stands(rows, form) for form in forms)}

    def in_file(self, path: Path) -> bool:
        """Whether any of them stands in the bytes of a file. Raises OSError."""
        kept = b""
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                kept += chunk
                if self._stand_in(pa.array([kept], pa.large_binary())):
                    return True
                kept = kept[max(0, len(kept) - self._longest + 1) :]
        return False

    def _stand_in(self, whole: pa.Array) -> bool:
        # In Arrow, and not with `bytes.find`: it lets the other threads of a server go on meanwhile.
        return any(pc.any(pc.match_substring_regex(whole, pattern)).as_py() for pattern in self._patterns)


def _as_one(column: pa.Array) -> pa.Array:
    """The letters of all texts of a column as one piece, without copying them."""
    _, offsets, letters = column.buffers()
    if letters is None:
        return pa.array([], pa.large_binary())
    ends = np.frombuffer(offsets, dtype=np.int64)[[column.offset, column.offset + len(column)]]
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(ends.tobytes()), letters])


def _stands(column: pa.Array, text: str) -> bool:
    return bool(pc.any(pc.match_substring(column, text)).as_py())
