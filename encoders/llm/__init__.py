"""The causal language model: texts and tokens. It knows nothing of users and events."""
