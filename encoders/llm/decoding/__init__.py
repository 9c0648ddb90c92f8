"""What a language model says: free lines, or titles that there are."""
