"""The configuration of a repository: which models it has, and what is expected of them."""

from rfgraph.config.config import Config, ModelConfig
from rfgraph.config.find import find_config, load_config

__all__ = ["Config", "ModelConfig", "find_config", "load_config"]
