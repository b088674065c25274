"""A client that costs little: HTTP/1.1 over kept connections, requests sent when their time has come.

It shares the machine with what it measures, so it does no more than write bytes and read bytes. Latency counts from the
moment at which a request should have been sent, so that a server that stalls is charged with what waited meanwhile.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

Ask = tuple[str, bytes]
"""What kind of request it is, and its bytes."""


@dataclass
class Heard:
    """Milliseconds by kind, and what was no good answer."""

    ms: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def count(self) -> int:
        """Good answers."""
        return sum(map(len, self.ms.values()))

    def told(self) -> dict[str, Any]:
        """Requests a second, and percentiles by kind."""
        kinds = {kind: percentiles(values) for kind, values in self.ms.items()}
        return {"seconds": self.seconds, "per_second": self.count() / self.seconds, "errors": len(self.errors), **kinds}


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """n, p50, p95, p99 and the most."""
    found = sorted(values)
    at = {f"p{p}": found[min(len(found) - 1, int(len(found) * p / 100))] for p in (50, 95, 99)} if found else {}
    return {"n": len(found), **at, "max": found[-1] if found else 0.0}


def get(path: str, key: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: kehu\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def post(path: str, key: str, body: Any) -> bytes:
    """The bytes of a POST of JSON."""
    content = orjson.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: kehu\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


class Connection:
    """One kept connection; connects again where the server ended it."""

    def __init__(self, port: int):
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. A kept connection that the server has ended meanwhile is made anew, as any client does."""
        if self._streams is not None and self._streams[0].at_eof():
            await self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            low = head.lower()
            start = low.find(b"content-length:")
            length = int(low[start + 15 : low.index(b"\r\n", start)]) if start > 0 else 0
            body = await reader.readexactly(length) if length else b""
        except BaseException:
            await self.close()
            raise
        return int(head[9:12]), body

    async def close(self) -> None:
        """End it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def paced(port: int, draw: Callable[[random.Random], Ask], rate: float, seconds: float, seed: int) -> Heard:
    """Requests at moments that chance spreads, `rate` a second on average, each on a free connection."""
    dice, heard, free, running = random.Random(seed), Heard(), list[Connection](), set[asyncio.Task[None]]()

    async def one(at: float, kind: str, request: bytes) -> None:
        connection = free.pop() if free else Connection(port)
        try:
            status, body = await connection.ask(request)
        except (OSError, asyncio.IncompleteReadError) as error:
            heard.errors.append(f"{kind}: {type(error).__name__}")
            return
        free.append(connection)
        note(heard, kind, status, body, time.perf_counter() - at)

    began = at = time.perf_counter()
    while (at := at + dice.expovariate(rate)) < began + seconds:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        task = asyncio.create_task(one(at, *draw(dice)))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    heard.seconds = time.perf_counter() - began
    for connection in free:
        await connection.close()
    return heard


async def steady(port: int, draw: Callable[[random.Random], Ask], at_once: int, seconds: float, seed: int) -> Heard:
    """As many requests as are answered, `at_once` of them under way at a time."""
    heard, began = Heard(), time.perf_counter()

    async def one(number: int) -> None:
        dice, connection = random.Random(seed + number), Connection(port)
        while (at := time.perf_counter()) < began + seconds:
            kind, request = draw(dice)
            try:
                status, body = await connection.ask(request)
            except (OSError, asyncio.IncompleteReadError) as error:
                heard.errors.append(f"{kind}: {type(error).__name__}")
                continue
            note(heard, kind, status, body, time.perf_counter() - at)
        await connection.close()

    await asyncio.gather(*(one(n) for n in range(at_once)))
    heard.seconds = time.perf_counter() - began
    return heard


def note(heard: Heard, kind: str, status: int, body: bytes, seconds: float) -> None:
    """Count an answer; one that is no 200 is an error."""
    if status == 200:
        heard.ms.setdefault(kind, []).append(seconds * 1000)
    else:
        heard.errors.append(f"{kind}: {status} {body[:200].decode(errors='replace')}")
