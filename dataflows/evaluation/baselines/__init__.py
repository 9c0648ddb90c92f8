"""Other recommenders, run over the same log by the same clock: what ours is compared with."""
