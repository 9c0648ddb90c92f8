"""Fine-tuning from the stream: windows of events, examples, rounds, and the gate before the swap.

`evidence` is what a round measured, `gate` the judgement of it, `round` one round of one
model, `flow` the process of its own that does rounds as events come.
"""
