"""`penchant finetune` as a child of `penchant run`: the configuration comes on standard input."""

from __future__ import annotations

import os

import msgspec

from dataflows.config.config import Config
from dataflows.lifecycle.child_process import take_line
from dataflows.lifecycle.exit_status import run_to_status
from dataflows.lifecycle.leave import end
from dataflows.lifecycle.signals import hold_back

MODULE = "dataflows.finetune.process"


class FinetuneJob(msgspec.Struct, frozen=True):
    """What the child is to do. `make` names the function that makes tuners; "": the usual one."""

    config: Config
    make: str = ""


def main() -> None:
    """Run the flow until it ends, or the parent does."""
    hold_back()
    job = msgspec.json.decode(take_line(), type=FinetuneJob)
    os.nice(job.config.finetune.nice)
    end(run_to_status(lambda: _run(job)))


def _run(job: FinetuneJob) -> None:
    from dataflows.finetune.rounds.runner import MAKE
    from dataflows.finetune.run import finetune

    finetune(job.config, make=job.make or MAKE, is_seen=False)


if __name__ == "__main__":
    main()
