"""Kill -9 at each step of a transaction that is written beside the flow, and a start after it.

`python -m tests.dataflows.engine.beside_kills STEP FOLDER` raises where records or last lists
differ from those of a run that was never broken off.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from unittest import mock

from dataflows.state import store as store_module
from dataflows.state.outbox import RECOMMENDATIONS
from dataflows.state.shard_files import CommitNumber
from dataflows.state.written_beside import WrittenBeside
from tests.dataflows.engine.test_engine import Run, event, from_here, item, raw, real

USERS, ITEMS, EVENTS, EPOCH = 6, 8, 60, 12
KILLED_IN = 3
"""The number of the epoch, from 1, whose transaction is broken off."""


def records():
    dice = random.Random(3)
    raws = [item(n, n, f"thing {n}") for n in range(ITEMS)]
    return raws + [
        raw(number, event(number, dice.randrange(USERS), dice.randrange(ITEMS)))
        for number in range(EVENTS)
    ]


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def epochs(run, raws, before=lambda number: None, after=lambda: None):
    """Learn records, and end an epoch beside the flow after every so many."""
    for number, start in enumerate(range(0, len(raws), EPOCH), 1):
        for one in raws[start : start + EPOCH]:
            run.process([one])
        run.deliver()
        before(number)
        run.engine.commit(beside=True)
        after()


def broken(step, run):
    """Let a transaction of the run be broken off at a step of its way."""

    def before(number):
        if number < KILLED_IN:
            return
        store = run.store
        if step == "before it is handed over":
            store.hand_over = die
        elif step == "before it begins":
            store.store.commit = die
        elif step == "while it is written":
            write = store_module.write_rows
            mock.patch.object(
                store_module, "write_rows", lambda *given: (write(*given), die())
            ).start()
        elif step == "written, and not counted":
            mock.patch.object(CommitNumber, "write", die).start()
        elif step == "written, and not reported":
            run.engine._state._tell = die
        else:
            raise ValueError(step)

    return before


STEPS = (
    "before it is handed over",
    "before it begins",
    "while it is written",
    "written, and not counted",
    "written, and not reported",
)


def state(store):
    found = {}
    for kind in store.store.kinds():
        rows = dict(store.scan(kind))
        if rows and not kind.startswith("outbox"):
            found[kind] = rows
    return found


def main(step, folder):
    unbroken = Run(model=real)
    epochs(unbroken, records())
    unbroken.end()

    def open_run():
        return Run(store=WrittenBeside.open(folder, 1, 0, {}), model=real)

    child = os.fork()
    if child == 0:
        run = open_run()
        epochs(run, records(), before=broken(step, run), after=lambda: None)
        run.engine.store.settle()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was not killed"
    run = open_run()
    positions = dict(run.engine.positions)
    lost = step in STEPS[:3]
    kept = (KILLED_IN - (1 if lost else 0)) * EPOCH
    assert sum(positions.values()) == kept, positions
    epochs(run, from_here(records(), positions))
    run.deliver()
    run.engine.commit()
    run.engine._state.finish()
    assert state(run.store) == unbroken.state()
    sent, wanted = run.last(RECOMMENDATIONS), unbroken.last(RECOMMENDATIONS)
    assert sent == {user: wanted[user] for user in sent}
    assert sent
    run.store.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
