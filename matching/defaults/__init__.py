"""The default matching declarations: one per party type, the same for every data set."""

from matching.defaults.organization import ORGANIZATION
from matching.defaults.person import PERSON
from models.match_model import Declaration

DEFAULTS: dict[str, Declaration] = {"organization": ORGANIZATION, "person": PERSON}
