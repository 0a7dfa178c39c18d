"""The pictures of a plane."""
