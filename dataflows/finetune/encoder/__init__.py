"""Fine-tuning of the sentence encoder: pairs, training, and how it does against the old one."""
