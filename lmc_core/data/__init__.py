"""Data sets by name, those of a visitor, and what they are checked for."""
