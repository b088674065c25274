"""The base of every configuration model: undeclared keys are mistakes, and objects do not change after loading."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Strict(BaseModel):
    """A mapping of the configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise PydanticCustomError("kehu", "a name is made of the letters a-z, digits, '_' and '-'")
    return value


Name = Annotated[str, AfterValidator(_name)]
"""The name of a source or a stream: it becomes part of folders, asset names and `SOURCE:KEY` on the command line."""
