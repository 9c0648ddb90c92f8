"""What can be asked of a model between two events: pure looks at its state, which leave no trace.

Users are looked at by `learners.users.table.Users.peek`, so that a question neither keeps anybody
in memory nor makes anybody known. Nothing here is on the way of an event.
"""
