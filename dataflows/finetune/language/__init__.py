"""Fine-tuning of the language model: examples, training, and how it does against the old one."""
