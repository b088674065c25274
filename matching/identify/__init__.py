"""Golden ids: which id each cluster of source records bears, and what happened to the ids that came before.

Ids are assigned once and never computed from content, so everything here starts from the ids that the records had.
Which records belong together is decided before (clusters); what a golden record says is decided after (survivorship).
"""

from matching.identify.assign import identify
from matching.identify.mint import mint_ids
from matching.identify.outcome import Identities

__all__ = ["Identities", "identify", "mint_ids"]
