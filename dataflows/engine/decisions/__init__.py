"""What people decide, carried out in a shard: once each, in the order of each signer."""
