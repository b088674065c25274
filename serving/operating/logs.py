"""One line of JSON for each thing that is logged, with the request it belongs to. No values of customers, no keys.

Paths are logged as their route (`/v1/customers/{golden_id}`), queries not at all: both may hold personal data.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import sys

import orjson

LEVEL = "KEHU_LOG_LEVEL"
_SECRETS = re.compile(r"kehu_[0-9a-f]{12}_[A-Za-z0-9_-]+|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)|(?i:(?<=bearer )[\w.-]+)")


class JsonLines(logging.Formatter):
    """A record as one JSON object; what looks like a key or a password is blackened."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": blackened(record.getMessage()),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = blackened(self.formatException(record.exc_info))
        return orjson.dumps(line, default=str).decode()


def blackened(text: str) -> str:
    """The text without keys, bearer tokens and passwords in addresses."""
    return _SECRETS.sub("***", text)


def log_to_stderr() -> None:
    """Let the program's loggers write lines of JSON to stderr; KEHU_LOG_LEVEL says how much (default: info)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    level = os.environ.get(LEVEL, "info").upper()
    for name in ("kehu", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
    logging.getLogger("kehu").setLevel(level if level in logging.getLevelNamesMapping() else "INFO")
