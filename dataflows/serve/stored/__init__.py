"""Answers from a store of its own, which follows what a `penchant run` sends; no model in here.

`open_answers.open_stored` puts it together: a follower reads topics or files, `intake` writes what
it gives into the store with the positions in one transaction, `answers.StoredAnswers` reads there.
"""
