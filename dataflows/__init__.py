"""Wiring: events, cleaning, sources, sinks, the Bytewax flow, replay and the command line."""
