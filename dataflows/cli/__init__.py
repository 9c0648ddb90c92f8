"""The command line: each command is thin, and imports what it needs when it is called."""
