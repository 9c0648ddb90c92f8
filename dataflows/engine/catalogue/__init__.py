"""The catalogue against the events: how many of their items it knows."""
