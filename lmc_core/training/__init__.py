"""Recipes of the shipped networks, and experiments of the papers."""
