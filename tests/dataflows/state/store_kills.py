"""Kills processes that open and write a store, and starts again after each.

`lines new|older STRIDE FOLDER` kills at one line of our own after the other, or at every
ninth; `moments SEED COUNT FOLDER` at moments by a clock. Prints the number of kills; raises
where a start is refused, or where something that was committed is not there.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from older_state import made_by_an_older_release

from dataflows.state.store import Store

OURS = ("store.py", "row_blocks.py", "shard_files.py", "private_files.py", "state/damage.py")


def work(folder: Path, tell: Callable[[int], object], commits: int) -> None:
    """Open a store, commit, close and open it, commit; tell the number of each commit made."""
    for part in range(2):
        with closing(Store.open(folder)) as store:
            for number in range(part * commits, (part + 1) * commits):
                store.commit([("kept", f"{number:06d}", b"x" * 500), ("last", "", b"%d" % number)])
                tell(number)


def looked_at(folder: Path, told: int) -> None:
    """Start again; all that was told must be there, and nothing half."""
    view = Store.reader(folder)
    if view is not None:
        view.close()
    with closing(Store.open(folder)) as store:
        kept = [int(key) for key, _ in store.scan("kept")]
        last = store.get("last", "")
        assert kept == list(range(len(kept)))
        assert len(kept) > told
        assert (last is None) == (not kept)
        assert last is None or int(last) == kept[-1]
        store.commit([("after", "", b"")])
    Store.open(folder).close()


def forked(run: Callable[[Callable[[int], object]], None]) -> tuple[int, int]:
    """Run in a process of its own; return its id, and where it tells what it has committed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        run(lambda number: os.write(write, number.to_bytes(4, "little")))
        os._exit(0)
    os.close(write)
    return child, read


def ended(child: int, read: int) -> tuple[bool, int]:
    """Wait for its end; say whether it was killed, and the last commit that it told."""
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status), int.from_bytes(data[-4:], "little") if data else -1


def killed_at(line: int, run: Callable[[Callable[[int], object]], None]) -> tuple[bool, int]:
    """Run, and kill it at this line of ours."""

    def traced(tell: Callable[[int], object]) -> None:
        left = line

        def trace(frame, event, _):
            nonlocal left
            if not frame.f_code.co_filename.endswith(OURS):
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        run(tell)

    return ended(*forked(traced))


def lines(how: str, stride: int, folder: Path) -> int:
    """Kill at one line after the other; return how many kills there were."""
    line, kills = 0, 0
    while True:
        place = folder / "state"
        shutil.rmtree(place, ignore_errors=True)
        if how == "older":
            made_by_an_older_release(place)
        line += stride
        was_killed, told = killed_at(line, lambda tell: work(place, tell, 1))  # noqa: B023
        looked_at(place, told)
        if not was_killed:
            return kills
        kills += 1


def moments(seed: int, count: int, folder: Path) -> int:
    """Kill at moments of the clock, the first of them within creation; return how many."""
    dice = random.Random(seed)
    for number in range(count):
        place = folder / str(number)
        child, read = forked(lambda tell: work(place, tell, 10_000))  # noqa: B023
        time.sleep(dice.uniform(0, 0.02 if number % 2 else 0.2))
        os.kill(child, signal.SIGKILL)
        was_killed, told = ended(child, read)
        assert was_killed
        looked_at(place, told)
        shutil.rmtree(place, ignore_errors=True)
    return count


if __name__ == "__main__":
    what, how, count, where = sys.argv[1:]
    if what == "lines":
        print(lines(how, int(count), Path(where)))  # noqa: T201
    else:
        print(moments(int(how), int(count), Path(where)))  # noqa: T201
