"""Files of other programs as rows of text, and the count of what could not be used."""
