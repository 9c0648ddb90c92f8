"""Write every made part of the pages anew: `python -m docs.generate`."""

from docs.generate.pages import made_pages

for path, text in made_pages().items():
    path.write_text(text, encoding="utf-8")
