"""A look at a log and a catalogue before they are used (`penchant check`)."""
