"""The store itself: its file, its rows, and how what comes in is written."""
