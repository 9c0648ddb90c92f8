"""Intent: what a user is after, now and over the session, and why that is believed."""
