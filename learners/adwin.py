"""River's ADWIN without the package around it.

`river.drift` also loads River's data sets, and with them scikit-learn, SciPy's statistics and
pandas: more than all else that a process needs to start. The class is the one that River
ships; only its file is loaded by itself.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, cast

import river

if TYPE_CHECKING:
    from river.drift import ADWIN

_MODULE = "river.drift.adwin"


def adwin_class() -> type[ADWIN]:
    """Return River's ADWIN, from its own file where that can be loaded without the package.

    Where a version of River has no such file, or the file needs more than River's base classes,
    it is what `river.drift` gives. The module is not entered in `sys.modules`: a later
    `import river.drift` finds all as River has it.
    """
    try:
        return cast("type[ADWIN]", _load(Path(river.__path__[0], "drift", "adwin.py")))
    except (AttributeError, ImportError, OSError):
        from river.drift import ADWIN

        return ADWIN


def _load(file: Path) -> object:
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ADWIN
