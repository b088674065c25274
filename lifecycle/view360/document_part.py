"""What every part of the 360 document has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of the document; what is not known is null or empty, never left out."""

    model_config = ConfigDict(extra="forbid")
