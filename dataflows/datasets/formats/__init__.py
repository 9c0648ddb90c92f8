"""One module per data set that can be converted."""
