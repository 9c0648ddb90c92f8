"""Packages of somebody else's, written into a folder as an installer would leave them."""

from __future__ import annotations

from pathlib import Path


def write_package(
    folder: Path,
    entries: dict[str, str],
    code: str | None,
    *,
    distribution: str = "somebodys-package",
    version: str = "1.0",
) -> str:
    """Write a module of `code` (None: none) and what declares it; return the module's name.

    `entries` are `group:name` -> the object in the module that is brought.
    """
    module = f"{distribution.replace('-', '_')}"
    if code is not None:
        (folder / f"{module}.py").write_text(code, encoding="utf-8")
    declared = folder / f"{module}-{version}.dist-info"
    declared.mkdir()
    (declared / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
    )
    lines = []
    for key, value in entries.items():
        group, _, name = key.partition(":")
        lines += [f"[{group}]", f"{name} = {module}:{value}"]
    (declared / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return module
