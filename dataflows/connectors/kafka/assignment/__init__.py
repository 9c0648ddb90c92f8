"""The partitions that a consumer has: where each begins, ends, stands still and is committed."""
