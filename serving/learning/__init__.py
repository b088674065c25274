"""How good matching is, what verdicts teach, and what publishing another model would change; publishing and going back.

`match_quality` is for the page of matching; `models_of`, `model_comparison`, `publish_model` and `roll_back` for that
which compares models. What takes a resolution of all records (`compare_models`) is run by `orchestration`.
"""

from serving.learning.models import model_comparison, models_of, publish_model, roll_back
from serving.learning.quality import MatchQuality, match_quality

__all__ = ["MatchQuality", "match_quality", "model_comparison", "models_of", "publish_model", "roll_back"]
