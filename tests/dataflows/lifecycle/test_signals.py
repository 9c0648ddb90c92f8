"""Signals that are not to end a running process, sent to a real one."""

import ctypes
import json
import logging
import os
import pty
import signal
import sys
import threading
import time

import pytest

from dataflows.lifecycle.signals import ATTENDED, attended, held_back
from dataflows.lifecycle.thread_stacks import stacks
from tests.dataflows.processes import BYTEWAX, ROOT, RUN, Run

COMMANDS = pytest.mark.parametrize(
    "command",
    [pytest.param((), id="penchant"), pytest.param(BYTEWAX, id="bytewax", marks=pytest.mark.slow)],
)


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path)
    made.write(40)
    yield made
    made.end()


@COMMANDS
def test_it_tells_how_it_is_and_where_each_thread_is_and_goes_on(run, command):
    run.start(*command)
    run.until_learnt()
    for times, number in enumerate((signal.SIGUSR1, signal.SIGQUIT), 1):
        run.process.send_signal(number)
        run.until_said("thread MainThread", times)
    said = run.said
    assert "SIGUSR1: process" in said
    assert "SIGQUIT: process" in said
    shard = next(line for line in said.splitlines() if "SIGUSR1: shard 0:" in line)
    assert "INFO dataflows.lifecycle.signals: " in shard
    for figure in (
        "40 records in = 40 learnt",
        "40 events learnt",
        "lists sent since the start",
        "0 messages not yet delivered",
        "23 items known (23 available)",
        "7 users loaded",
        "encoder hashing-16-",
        "(the configured one)",
        "in events.jsonl",
        "bytes stored",
    ):
        assert figure in shard
    about = next(line for line in said.splitlines() if "SIGUSR1: process" in line)
    assert "0 bytes unread" in about
    assert " s: files source" in about
    run.write(10)
    run.until_learnt()
    assert run.stop() == 0, run.said


@COMMANDS
def test_sighup_opens_renamed_outputs_anew_at_once_and_no_line_is_lost(run, command):
    run.start(*command)
    run.until_learnt()
    for path in run.output.iterdir():
        path.rename(path.with_name(f"{path.name}.1"))
    run.process.send_signal(signal.SIGHUP)
    run.until_said("SIGHUP: output files are opened anew")
    assert sorted(path.name for path in run.output.iterdir()) == sorted(
        f"{topic}.jsonl{end}"
        for topic in ("recommendations", "intents", "dead-letters")
        for end in ("", ".1")
    )
    run.write(20)
    run.until_learnt()
    assert run.stop() == 0, run.said
    old, new = run.lines("recommendations.jsonl.1"), run.lines()
    sequences = [json.loads(line)["sequence"] for line in [*old, *new]]
    assert sequences == sorted(sequences)
    assert len(set(sequences)) == len(sequences)


def test_each_of_them_leaves_a_starting_process_alive(run):
    """From the first line of the command on, while it still imports what it needs."""
    code = (
        "import os, signal, sys; from dataflows.lifecycle import signals; signals.hold_back();"
        "[os.kill(os.getpid(), number) for number in signals.ATTENDED];"
        "from dataflows.cli.main import main; sys.argv[1:] = ['run', '--config', 'penchant.toml'];"
        "main()"
    )
    run.start("-c", code)
    for number in ATTENDED:
        run.until_said(f"dataflows.lifecycle.signals: {number.name}")
    run.until_learnt()
    assert run.stop() == 0, run.said


def test_the_command_holds_them_back_before_it_imports_what_takes_long(run):
    code = (
        "import signal, sys; import dataflows.cli.main as cli; "
        "import dataflows.lifecycle.signals as signals\n"
        "class Look:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'dataflows.app.run':\n"
        "            held = signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "            print('held', set(signals.ATTENDED) <= held, file=sys.stderr)\n"
        "sys.meta_path.insert(0, Look())\n"
        "sys.argv[1:] = ['run', '--config', 'penchant.toml']; cli.main()"
    )
    run.start("-c", code)
    run.until_said("held True")
    run.until_learnt()
    assert run.stop() == 0, run.said


def test_it_answers_while_the_main_thread_is_in_native_code(caplog):
    mutex, libc = ctypes.create_string_buffer(128), ctypes.CDLL(None)
    caplog.set_level(logging.INFO, "dataflows.lifecycle.signals")
    answered = threading.Event()

    class Answer(logging.Handler):
        def emit(self, record):
            if "thread MainThread" in record.getMessage():
                answered.set()

    log, answer = logging.getLogger("dataflows.lifecycle.signals"), Answer()
    log.addHandler(answer)
    with attended(threading.Event()):
        libc.pthread_mutex_lock(mutex)

        def ask():
            os.kill(os.getpid(), signal.SIGUSR1)
            is_answered.append(answered.wait(120))
            libc.pthread_mutex_unlock(mutex)

        is_answered = []
        asker = threading.Thread(target=ask)
        asker.start()
        libc.pthread_mutex_lock(mutex)  # no signal ends this wait, and no bytecode runs in it
        asker.join()
    log.removeHandler(answer)
    assert is_answered == [True]
    (line,) = [line for line in caplog.messages if "thread MainThread" in line]
    assert "test_it_answers_while_the_main_thread_is_in_native_code" in line


def test_it_is_told_whatever_the_level_of_the_log(tmp_path):
    run = Run(tmp_path, level="error")
    run.write(5)
    run.start()
    try:
        run.until_learnt()
        assert run.said == ""
        run.process.send_signal(signal.SIGUSR1)
        run.until_said("5 records in = 5 learnt")
        assert run.stop() == 0
    finally:
        run.end()


def test_what_has_no_meaning_is_passed_over_and_handlers_are_put_back(caplog):
    caplog.set_level(logging.INFO, "dataflows.lifecycle.signals")
    before = {number: signal.getsignal(number) for number in ATTENDED}
    with attended(threading.Event()) as signals:
        signals.reopen.append(lambda: 1 // 0)
        for number in (signal.SIGUSR2, signal.SIGALRM, signal.SIGHUP):
            os.kill(os.getpid(), number)
    assert {number: signal.getsignal(number) for number in ATTENDED} == before
    assert signal.set_wakeup_fd(-1) == -1
    assert caplog.messages == [
        "SIGUSR2 has no meaning here and is passed over",
        "SIGALRM has no meaning here and is passed over",
        "SIGHUP: integer division or modulo by zero",
    ]


def test_held_back_they_come_later():
    with attended(threading.Event()) as signals, held_back():
        asked = threading.Event()
        signals.tell.append(lambda: asked.set() or ())
        os.kill(os.getpid(), signal.SIGUSR1)
        held = signal.sigpending()
        with held_back():
            pass
        assert signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert held == {signal.SIGUSR1} or asked.is_set()  # another thread may have taken it


@pytest.mark.parametrize("under_nohup", [False, True])
def test_a_terminal_that_goes_away_stops_it_unless_nohup(run, under_nohup):
    command = [sys.executable, *RUN, str(run.config)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pid, master = pty.fork()
    if not pid:  # in a terminal of its own
        log = os.open(run.folder / "stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        os.chdir(run.folder)
        # Whoever runs the tests may be under nohup itself.
        signal.signal(signal.SIGHUP, signal.SIG_IGN if under_nohup else signal.SIG_DFL)
        os.execve(command[0], command, environment)
    run.until_learnt()
    os.close(master)
    if under_nohup:
        run.until_said("SIGHUP: output files are opened anew")
        run.write(20)
        run.until_learnt()
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 120
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        assert time.monotonic() < deadline, run.said
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(ended[1]) == 0, run.said
    assert ("the terminal is gone; stopping as at SIGTERM" in run.said) is not under_nohup
    assert "the flow ended" in run.said


def test_a_stack_is_one_line_with_the_innermost_call_first():
    def deep(left):
        return list(stacks()) if not left else deep(left - 1)

    (mine,) = [
        line for line in deep(50) if line.startswith(f"thread {threading.current_thread().name}:")
    ]
    assert "\n" not in mine
    assert mine.split(": ", 1)[1].startswith("thread_stacks.py:")
    assert " deep < test_signals.py:" in mine
    assert mine.endswith(" more")
