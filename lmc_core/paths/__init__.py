"""Curves of networks, loss and accuracy along them, and what is reset on the way."""
