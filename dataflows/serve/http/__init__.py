"""The application behind the port: paths, checks, tokens, limits, problem details, the stream.

    server ─ app ─┬─ the short way: a list that is kept, as it is
                  └─ router ─ one operation: token, query, body ─ AnswerSource, or the intake

`operations` is the table of all that can be asked; OpenAPI is written from it. Each operation is a
plain function of a `Backend` and a `Call`, and returns a value of its type.
"""
