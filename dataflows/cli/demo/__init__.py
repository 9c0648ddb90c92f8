"""The demo: a shop, or a log that was named, through the flow that runs live."""
