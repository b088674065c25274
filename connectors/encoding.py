"""Which encoding a text file is in, judged on all of its bytes; measured on Chinese and Western texts by the tests.

A file that is nearly UTF-8 is UTF-8 with bad rows, not Latin-1: guessing it into some one-byte encoding would turn
damage into data.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import xxhash

CHUNK = 1 << 20
_SAMPLE = 1 << 18  # bytes of lines with characters beyond ASCII that are enough to tell encodings apart
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Letters that Western European texts really use beyond ASCII; ÿ and þ are more often damage than language.
_WESTERN = set("àâäáãåæçèéêëìíîïñòóôõöøœùúûüßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØŒÙÚÛÜšžŠŽ€£§°²³µ«»“”‘’–—…·®©ªº¿¡\u00a0´`½¼")
_PLAUSIBLE = 0.7


@dataclass(frozen=True)
class Scan:
    """What one pass over a file's text found: `clean` is false when bytes are known not to decode."""

    encoding: str
    clean: bool
    quotes: int


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The rest of a stream, a megabyte at a time."""
    while chunk := stream.read(CHUNK):
        yield chunk


def content_hash(stream: BinaryIO) -> str:
    """XXH3 (128 bits, hexadecimal) of the bytes as they lie on the disk."""
    digest = xxhash.xxh3_128()
    for chunk in chunks(stream):
        digest.update(chunk)
    return digest.hexdigest()


def scan(stream: BinaryIO, encoding: str | None = None, quote: str = '"') -> Scan:
    """Reads the stream to its end and finds its encoding, or how well it fits the one that is given."""
    if encoding is not None:
        return _scan_given(stream, encoding, quote.encode())
    lenient = codecs.getincrementaldecoder("utf-8")("replace")
    sample, head, quotes, good, bad = bytearray(), b"", 0, 0, 0
    rest: list[bytes] = []  # put together at the end of the line only
    for chunk in chunks(stream):
        head = head or chunk[:4096]
        quotes += chunk.count(quote.encode())
        if chunk.isascii() and not lenient.getstate()[0]:
            rest = []
            continue
        text = lenient.decode(chunk)
        bad += text.count("\ufffd")
        good += max(0, len(chunk) - len(text))
        if len(sample) < _SAMPLE:
            lines, newline, last = chunk.rpartition(b"\n")
            if newline:
                lines, rest = b"".join([*rest, lines]), []
                sample += b"\n".join(line for line in lines.split(b"\n") if not line.isascii()) + newline
            rest.append(last)
    sample += b"".join(rest) if len(sample) < _SAMPLE else b""
    bad += lenient.decode(b"", final=True).count("\ufffd")
    for bom, name in _BOMS:
        if head.startswith(bom):
            return Scan(name, name != "utf-8-sig" or not bad, quotes)
    if b"\0" in head and (wide := _wide(head)):
        return Scan(wide, True, quotes)
    if not bad:
        return Scan("utf-8", True, quotes)
    # Each good byte more is a byte that a text in another encoding would hardly have by chance.
    if good >= 4 * bad:
        return Scan("utf-8", False, quotes)
    name, whole = _legacy(bytes(sample))
    if name in _ONE_BYTE and good:
        return Scan("utf-8", False, quotes)  # Western text holds no whole characters of UTF-8 by chance
    return Scan(name, whole, quotes)


_ONE_BYTE = ("cp1252", "latin-1")


def _wide(head: bytes) -> str | None:
    """Which UTF-16 without a mark the first bytes are in, if they are: lines of it hold no NUL character."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    if max(even, odd) * 5 > len(head):
        return name
    text = head[: len(head) // 2 * 2].decode(name, "replace")
    # Chinese has few bytes that are zero; line ends and the header's letters have one each.
    plain = sum(char.isascii() for char in text)
    return name if "\n" in text and "\0" not in text and plain * 20 > len(text) else None


def _scan_given(stream: BinaryIO, encoding: str, quote: bytes) -> Scan:
    decoder, clean, quotes = codecs.getincrementaldecoder(encoding)(), True, 0
    for chunk in chunks(stream):
        quotes += chunk.count(quote)
        clean = clean and _decodes(decoder, chunk)
    return Scan(encoding, clean and _decodes(decoder, b"", final=True), quotes)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _legacy(sample: bytes) -> tuple[str, bool]:
    """The encoding before Unicode that reads the sample most plausibly, and whether it reads all of it."""
    for name, common in (("gb18030", "gb2312"), ("big5", "big5")):
        text = sample.decode(name, "replace")
        high = Counter(char for char in text if not char.isascii())
        total = sum(high.values())
        good = sum(n for char, n in high.items() if _common(char, common))
        if total and good / total >= _PLAUSIBLE and high["\ufffd"] * 20 <= total:
            return name, "\ufffd" not in text
    for name in _ONE_BYTE:
        text = sample.decode(name, "replace")
        high = Counter(char for char in text if not char.isascii())
        good = sum(n for char, n in high.items() if char in _WESTERN)
        if high and good / sum(high.values()) >= _PLAUSIBLE and "\ufffd" not in high:
            return name, True
    return "utf-8", False


def _common(char: str, charset: str) -> bool:
    """Whether a character is an everyday one: of GB 2312, or of the first level of Big5."""
    if char == "\ufffd":
        return False
    try:
        raw = char.encode(charset)
    except UnicodeEncodeError:
        return False
    return charset != "big5" or raw[0] <= 0xC6
