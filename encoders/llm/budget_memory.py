"""How much memory this process takes, and took at its highest: of the device where it is CUDA."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def used_bytes(device: str) -> int:
    """Return what is in use now; where the system does not tell, the highest so far."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_allocated(device))
    return _status_bytes("VmRSS") or peak_bytes(device)


def peak_bytes(device: str) -> int:
    """Return the highest use since `reset_peak`, or since the start where that cannot be reset."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _status_bytes("VmHWM") or highest * (1 if sys.platform == "darwin" else 1024)


def reset_peak(device: str) -> None:
    """Begin to watch for the highest use anew, where the system allows it."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def _status_bytes(name: str) -> int:
    """Read one line of the process's status, in bytes; 0 where there is none."""
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    return 0
