"""One round of training of a language model."""
