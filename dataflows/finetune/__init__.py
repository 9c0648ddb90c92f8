"""Fine-tuning from the stream: windows of events, examples, rounds, and the gate before the swap.

`flow` reads the stream, `window` gathers it, `rounds` has one round of one model done at a time,
in which `encoder` or `language` trains and measures, and `gate` judges what was measured.
"""
