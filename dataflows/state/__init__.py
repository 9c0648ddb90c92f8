"""What is kept: records in a store per shard, positions, the outbox, the ledger."""
