"""What of the pages is made from the code: `python -m docs.generate` writes it anew.

A page marks such a part with two comments, `<!-- made: settings flow -->` and `<!-- end -->`, and
all else on it is written by hand. tests/test_pages.py holds pages and code equal.
"""
