"""The interface for programs, under /v1: each endpoint names its right; what is read is in other packages."""

from serving.api.application import include

__all__ = ["include"]
