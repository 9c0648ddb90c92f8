"""A child process that does what the first line of its standard input says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from dataflows.lifecycle.child_process import take_line


def main() -> None:
    told = json.loads(take_line())
    with Path(told["log"]).open("a") as out:
        out.write(f"{os.getpid()}\n")
    match told["do"]:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "fail":
            sys.exit(2)
        case "end":
            sys.exit(0)
        case "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "parent":  # starts another one, tells of it, and waits
            from dataflows.lifecycle import child_process

            line = json.dumps({"do": "wait", "log": told["log"]}).encode()
            child_process.start("tests.dataflows.app.child_double", line)
        case "group":  # starts a process that knows nothing of us, in our group
            other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            with Path(told["log"]).open("a") as out:
                out.write(f"{other.pid}\n")
    while True:
        time.sleep(0.02)


if __name__ == "__main__":
    main()
