"""How a shard is: how far it came, whether it ended well, and what its log tells."""
