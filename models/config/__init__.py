"""What `kehu.yaml` may say, and the way from the file to checked objects.

Says nothing about what a connector's own options mean (connectors) or how a rule is carried out (matching).
"""

from models.config.lifecycle import Alert, LifecycleOptions
from models.config.load import load_config, parse_config
from models.config.matching import EntityMatching, MatchingOptions
from models.config.mistakes import mistakes_of, nearest
from models.config.root import Config
from models.config.source import Backfill, Retention, Retry, Sensor, Source, Stream
from models.config.stewardship import FourEyes, OverrideFiles, StewardshipOptions, TaskValues
from models.config.survivorship import AttributeRule, AttributeSpec, Curve, Trust

__all__ = [
    "Alert",
    "AttributeRule",
    "AttributeSpec",
    "Backfill",
    "Config",
    "Curve",
    "EntityMatching",
    "FourEyes",
    "LifecycleOptions",
    "MatchingOptions",
    "OverrideFiles",
    "Retention",
    "Retry",
    "Sensor",
    "Source",
    "StewardshipOptions",
    "Stream",
    "TaskValues",
    "Trust",
    "load_config",
    "mistakes_of",
    "nearest",
    "parse_config",
]
