"""Words that the features of names leave out, for SQL and Python alike."""

COMMON_WORDS = (
    "and", "the", "of", "for", "sons", "brothers", "bros", "group", "company", "international", "partners",
)  # fmt: skip
"""Words of company names that two companies share for no reason."""
PARTICLES = ("dela", "delle", "della", "santa", "saint", "vander", "vanden")
"""Parts of surnames that stand for nobody; shorter words are left out anyway."""
