"""Signals that are not to end a running process: open outputs anew, tell how it is, pass over.

A handler of Python's runs only once the main thread is back from native code, which may be
long. So the handlers here do nothing: the interpreter writes each signal's number into a pipe
from within its own C handler, and a thread reads them and does the work.

Signals that come before the process can attend to them are held back by the system: the one
who starts it blocks them (`held_back`), and `attended` lets them in.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from dataflows.lifecycle.thread_stacks import stacks

REOPEN = signal.SIGHUP
TELL = (signal.SIGUSR1, signal.SIGQUIT)
PASSED_OVER = (signal.SIGUSR2, signal.SIGALRM)
ATTENDED = (REOPEN, *TELL, *PASSED_OVER)
TERMINAL = "/dev/tty"
_END = 0

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)  # who asks gets an answer, whatever `flow.log` says


class SignalThread:
    """Attends to signals in a thread of its own, from `begin` to `end`.

    `reopen`, `reread` and `tell` are called in that thread: they hold what is to be opened anew at
    SIGHUP, what is to be read anew and says itself what came of it, and what gives lines about the
    state at SIGUSR1 and SIGQUIT. What they raise is logged. `stop` is set where a SIGHUP says that
    the terminal is gone in which the process was started (and not under nohup): nobody is there to
    stop it any more.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.reopen: list[Callable[[], object]] = []
        self.reread: list[Callable[[], object]] = []
        self.tell: list[Callable[[], Iterable[str]]] = []
        self._stop = stop
        self._had_terminal = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}
        self._read = self._write = self._former = -1
        self._thread = threading.Thread(target=self._attend, name="signals", daemon=True)

    def begin(self) -> None:
        """Attend from now on; what was held back comes at once. In the main thread only."""
        ignored = signal.getsignal(REOPEN) is signal.SIG_IGN
        self._had_terminal = not ignored and _has_terminal()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._former = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in ATTENDED:
            self._before[number] = signal.signal(number, _nothing)
            signal.siginterrupt(number, False)  # system calls of libraries go on
        self._thread.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ATTENDED)

    def end(self) -> None:
        """Restore the former effect of each signal. In the main thread only."""
        for number, former in self._before.items():
            signal.signal(number, former)
        signal.set_wakeup_fd(self._former)
        os.write(self._write, bytes([_END]))
        self._thread.join()
        os.close(self._read)
        os.close(self._write)

    def _attend(self) -> None:
        while number := os.read(self._read, 1)[0]:
            if number in ATTENDED:
                try:
                    self._do(signal.Signals(number))
                except Exception as error:  # noqa: BLE001 - a question must not end the process
                    _log.error("%s: %s", signal.Signals(number).name, error)

    def _do(self, number: signal.Signals) -> None:
        if number == REOPEN:
            self._hang_up()
        elif number in TELL:
            self._tell(number.name)
        else:
            _log.info("%s has no meaning here and is passed over", number.name)

    def _hang_up(self) -> None:
        if self._had_terminal and not _has_terminal():
            _log.info("SIGHUP: the terminal is gone; stopping as at SIGTERM")
            self._stop.set()
            return
        for reopen in self.reopen:
            reopen()
        for reread in self.reread:
            reread()
        what = "output files are opened anew" if self.reopen else "there is no file to open anew"
        _log.info("SIGHUP: %s", what)

    def _tell(self, name: str) -> None:
        if not self.tell:
            _log.info("%s: there is no state yet", name)
        for tell in self.tell:
            for line in tell():
                _log.info("%s: %s", name, line)
        for line in stacks(without=threading.get_ident()):
            _log.info("%s: %s", name, line)


@contextmanager
def attended(stop: threading.Event) -> Iterator[SignalThread]:
    """Attend to signals while inside."""
    signals = SignalThread(stop)
    signals.begin()
    try:
        yield signals
    finally:
        signals.end()


@contextmanager
def held_back() -> Iterator[None]:
    """Hold these signals back, for this thread and processes that it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ATTENDED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hold_back() -> None:
    """Hold these signals back until `SignalThread.begin`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ATTENDED)


def _nothing(_number: int, _frame: object) -> None:
    """Do nothing: the number of the signal is in the pipe."""


def _has_terminal() -> bool:
    """Return whether the process has a terminal that controls it."""
    try:
        os.close(os.open(TERMINAL, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
