"""HTTP: lists and what is known, asked; events and items, taken in; the page and the metrics.

Above all other rooms but the command line and the process. `answers.AnswerSource` is what is asked:
the live model inside `penchant run`, or the store of a `penchant serve` that follows what went out.
"""
