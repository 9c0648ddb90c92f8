"""Public data sets to our two files, and a simulated shop."""
