"""The whole model of a shard: a facade over plain stages, which one event goes through in turn.

Context, the choice, the intent, counts, the user; then, for a list, the context anew and the
pipeline of ranking. A stage knows the state (`learners.state.model`) and never the facade.
"""

from learners.online_model.evaluation import Ranking
from learners.online_model.model import OnlineModel, nothing

__all__ = ["OnlineModel", "Ranking", "nothing"]
