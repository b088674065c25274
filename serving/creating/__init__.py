"""Search before create: what a program delivers is attached to the customer that is there, or becomes a new one."""

from serving.creating.creating import Doubtful, Made, Wanted, create

__all__ = ["Doubtful", "Made", "Wanted", "create"]
