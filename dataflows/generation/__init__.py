"""What the language model gives the running flow: candidates, words for a list, taught labels."""
