"""One record against the hub, while somebody waits: which golden records it may be, how surely, and why.

Gives what a run would give, without DuckDB, Splink, pandas or Dagster; reads the hub store and writes nothing.
"""

from matching.realtime.answer import CutBlock, GoldenMatch, MatchAnswer, MatchReason, SourceRecord
from matching.realtime.matcher import BELOW_REVIEW, Matcher

__all__ = ["BELOW_REVIEW", "CutBlock", "GoldenMatch", "MatchAnswer", "MatchReason", "Matcher", "SourceRecord"]
