"""The state of the model: as records, in another encoder's space, with an event taken back."""
