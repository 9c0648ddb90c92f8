"""Events and items that came over HTTP, handed to where the process reads its input."""
