"""Online learners: interactions in, state, scores and lists out.

Nothing here knows of Bytewax, Kafka or files. Plain ids, numbers and NumPy
arrays cross the border.
"""
