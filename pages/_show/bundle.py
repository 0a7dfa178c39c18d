"""A run that came from another server: its result is of another kind, and is shown as that."""

from dataclasses import replace

from pages._show import inspect

VIEW = replace(inspect.VIEW, title="From a bundle", failed="This bundle could not be opened.")
