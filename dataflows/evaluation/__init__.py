"""A log replayed: every event ranked before it is learnt, figures, baselines, the report."""
