"""Write every made part of the pages anew: `python -m docs.generate`."""

from docs.generate.board import board
from docs.generate.pages import DOCS, made_pages

for path, text in made_pages().items():
    path.write_text(text, encoding="utf-8")
(DOCS / "monitoring" / "grafana.json").write_text(board(), encoding="utf-8")
