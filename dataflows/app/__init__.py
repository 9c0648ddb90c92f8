"""A process put together from the configuration, and run until it is stopped."""
