"""No file imports itself by way of others, be it for types alone or within a function."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp

OURS = ("dataflows", "learners", "encoders")


def circle_of(*packages):
    """Return the files of one circle in the order of their imports, "" where there is none."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return " <- ".join(error.args[1])
    return ""


def test_no_file_is_in_a_circle():
    assert circle_of(*OURS) == ""


def test_imports_for_types_and_within_functions_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, how in (("typed", "if TYPE_CHECKING:"), ("late", "def f():")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "a.py").write_text(f"from {name}.b import B\n")
        (folder / "b.py").write_text(
            f"from typing import TYPE_CHECKING\n{how}\n    from {name}.a import A\n"
        )
        found = circle_of(name)
        assert set(found.split(" <- ")) == {f"{name}.a", f"{name}.b"}
        (folder / "b.py").write_text("")
        assert circle_of(name) == ""
