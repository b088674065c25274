"""Who may do and see what: roles and rights, masking by sensitivity, keys of programs, and the record of reads.

Used by the interface for programs and by the pages alike; knows no HTTP.
"""

from serving.access.masking import MASK, Masking
from serving.access.principal import AccessError, NotAllowed, NotSignedIn, Principal
from serving.access.reads import AccessLog
from serving.access.rights import RIGHTS, ROLE_RIGHTS, ROLE_SEES, ROLES

__all__ = [
    "MASK",
    "RIGHTS",
    "ROLES",
    "ROLE_RIGHTS",
    "ROLE_SEES",
    "AccessError",
    "AccessLog",
    "Masking",
    "NotAllowed",
    "NotSignedIn",
    "Principal",
]
