"""Every section of the configuration, as a type that is checked where it is made."""
