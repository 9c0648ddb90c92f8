"""Events, items and decisions from files of JSON lines, and messages to such files."""
