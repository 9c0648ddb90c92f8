"""Test, then learn: what is written down of each event before it is learnt."""
