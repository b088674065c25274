"""What Dagster loads: the definitions of the hub that the environment variable KEHU_CONFIG names (default: kehu.yaml).

Loading reads the configuration and nothing else: no database, no source, no network. A mistake in the configuration is
raised as ConfigError, whose message Dagster's pages show.
"""

from __future__ import annotations

import os

from models.config import load_config
from orchestration.build import build_definitions

CONFIG_VARIABLE = "KEHU_CONFIG"

defs = build_definitions(load_config(os.environ.get(CONFIG_VARIABLE) or "kehu.yaml"))
