"""What a conversion writes: the log, the catalogue, the report."""
