"""The learn step of a shard, its parts, and the flow around it."""
