"""Kafka as source and sink, and what its broker is asked and told."""
