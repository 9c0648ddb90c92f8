"""Another encoder in the running flow: made ready beside it, then switched at one event."""
