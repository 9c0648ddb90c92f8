"""The file of rules and scenarios, read at the start and anew while a process runs."""
