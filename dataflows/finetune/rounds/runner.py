"""The parent's side of a round in a process of its own: started, listened to, ended in time."""

from __future__ import annotations

import logging
import select
import subprocess
import time
from typing import IO

import msgspec

from dataflows.config.config import Config
from dataflows.finetune.rounds.folder import RoundFolder
from dataflows.finetune.rounds.process import RoundJob, RoundMessage
from dataflows.finetune.tuner import RoundStopped, Stop, Tell
from dataflows.lifecycle import child_process
from dataflows.registry.decisions import GateDecision

MODULE = "dataflows.finetune.rounds.process"
MAKE = "dataflows.finetune.choose_tuner:tuner_for"
GLANCE = 0.2
"""Seconds between two looks at whether to stop."""
GRACE = 2.0
"""Seconds that a process has to end by itself when it is told to."""

_log = logging.getLogger(__name__)
_lines = msgspec.json.Decoder(RoundMessage)


class RoundFailedError(Exception):
    """A round came to no decision. `is_final`: to try again would not help."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class RoundRunner:
    """Does a round in a process of its own, at most `finetune.round_seconds` long.

    `make` names the function (`module:name`) that makes the tuner.
    """

    def __init__(self, config: Config, make: str = MAKE) -> None:
        self._config = config
        self._make = make

    def run(self, folder: RoundFolder, tell: Tell, stop: Stop) -> GateDecision:
        """Run a round. Raises `RoundStopped`, and RoundFailedError where it came to no decision."""
        job = RoundJob(self._config, folder.kind, folder.number, str(folder.path), self._make)
        process = child_process.start(MODULE, msgspec.json.encode(job), subprocess.PIPE)
        try:
            return self._listen(process, tell, stop)
        finally:
            child_process.end(process, 0.0)

    def _listen(self, process: child_process.ProcessOfOurs, tell: Tell, stop: Stop) -> GateDecision:
        seconds = self._config.finetune.round_seconds
        deadline = time.monotonic() + seconds
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        lines = _Lines(process.stdout)
        while True:
            if stop():
                raise RoundStopped
            if time.monotonic() >= deadline:
                raise RoundFailedError(
                    f"the round was ended: it took longer than {seconds:g} seconds "
                    "(finetune.round_seconds)"
                )
            for message in lines.take(GLANCE):
                if message.step is not None:
                    tell(message.step)
                elif message.decision is not None:
                    return message.decision
                elif message.error is not None:
                    raise RoundFailedError(message.error, is_final=message.is_final)
            if lines.is_over:
                status = child_process.end(process, GRACE)
                raise RoundFailedError(
                    f"the round crashed: its process ended with {_describe_status(status)}"
                )


class _Lines:
    """What a process tells, line by line, without waiting longer than said."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._rest = b""
        self.is_over = False

    def take(self, seconds: float) -> list[RoundMessage]:
        """Return the lines that have come; waits at most `seconds` for the first."""
        if not select.select([self._pipe], [], [], seconds)[0]:
            return []
        piece = self._pipe.read1(1 << 16)  # type: ignore[attr-defined]
        self.is_over = not piece
        *whole, self._rest = (self._rest + piece).split(b"\n")
        return [_lines.decode(line) for line in whole if line]


def _describe_status(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
