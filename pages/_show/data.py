"""A file of examples that was read."""

from pages._show import inspect

VIEW = inspect.VIEW
