"""The pictures of a path."""
