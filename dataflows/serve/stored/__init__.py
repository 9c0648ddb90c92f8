"""Answers from a store of its own, which follows what a `penchant run` sends; no model in here.

`open_answers.open_stored` puts it together: what stands in `input` reads topics or files,
`store.store_writer` writes what comes, with the positions in one transaction, and
`answers.StoredAnswers` reads there.
"""
