"""The pictures of a fusion."""
