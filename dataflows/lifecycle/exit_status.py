"""What a person sees when a command fails: one line and an exit status, never a traceback.

Status 2 is for what was asked (a wrong option, file, format or config value),
1 for what went wrong while running, 130 after Ctrl-C. With the environment
variable PENCHANT_DEBUG set, the traceback is shown too.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher

from dataflows.errors import FullDiskError, InputError, LedgerError
from dataflows.lifecycle.own_packages import OWN, mend
from dataflows.lifecycle.redaction import masked

DEBUG = "PENCHANT_DEBUG"

WRONG_USE = 2
FAILED = 1
INTERRUPTED = 130


def run_to_status(command: Callable[[], object]) -> int:
    """Run a command and return its exit status; print one line to stderr where it fails."""
    try:
        status = command()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output, such as `head`, has left: nobody is there to be told.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last resort of the command line
        if any(isinstance(cause, KeyboardInterrupt) for cause in _causes(error)):
            return INTERRUPTED  # it came up through the engine, which makes another error of it
        return tell(error)
    return status if isinstance(status, int) else 0


def tell(error: BaseException) -> int:
    """Print the line of an error to stderr, and return the exit status."""
    if os.environ.get(DEBUG):
        print(masked("".join(traceback.format_exception(error))), file=sys.stderr)  # noqa: T201
    line, status = describe(error)
    print(f"penchant: {masked(line)}", file=sys.stderr)  # noqa: T201 - this is the command line
    return status


def describe(error: BaseException) -> tuple[str, int]:
    """Return the line for a person, and the exit status.

    The flow's engine wraps what a step raises, so the chain of causes is
    searched for the error that was written for a person.
    """
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, InputError):
            return str(cause), FAILED if isinstance(cause, _WHILE_RUNNING) else WRONG_USE
        if hasattr(cause, "format_message"):
            return _usage(cause), WRONG_USE
        if type(cause).__name__ in _SHOWN_IN_FULL:
            return str(cause), WRONG_USE
    first = chain[-1]
    if isinstance(first, ModuleNotFoundError) and first.name is not None:
        return _missing(first.name), FAILED
    text = " ".join(str(first).split()) or "no more is known"
    return f"{type(first).__name__}: {text} (set {DEBUG}=1 for the traceback)", FAILED


def _missing(module: str) -> str:
    """Return which module an import did not find, and what to do."""
    package = module.partition(".")[0]
    if package in OWN:
        return f"our own {module} is missing from here: {mend(package)}"
    return f"the library {module} is missing from this environment: {mend()}"


_WHILE_RUNNING = (LedgerError, FullDiskError)
_SHOWN_IN_FULL = {"DamagedError", "EncoderError", "ForeignPackageError", "MissingPackageError"}
"""Errors of other rooms whose message is a line for a person already."""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from, outermost first."""
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _usage(error: BaseException) -> str:
    """Return one line on what was wrong with the options, and where the help is."""
    near = getattr(error, "possibilities", None)
    if near:  # of an option that there is not; the library puts them in the order of the alphabet
        wrong = error.option_name  # type: ignore[attr-defined]
        nearest = sorted(near, key=lambda option: -SequenceMatcher(None, wrong, option).ratio())
        message = f"No such option: {wrong}; did you mean {' or '.join(nearest)}?"
    else:
        message = " ".join(str(error.format_message()).split())  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "penchant"
    return f"{message.rstrip('.')} (see `{where} --help`)"
