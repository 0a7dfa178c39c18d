"""What a stored run was asked for, and the way back to the controls that ask for something else."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS
from lmc_core.runs.kinds._curve import curve_title
from lmc_core.runs.library import data as datasets
from lmc_core.words.numbers import counted
from pages._frame.text import escaped
from pages._show.reproduce import back

TITLES = {name: method.title for name, method in (*METHODS.items(), *FUSIONS.items())}


def draw(kind: str, options: Mapping[str, Any]) -> None:
    """Method, data, numbers, and the link."""
    if methods := options.get("methods"):
        st.markdown(f"**{counted(len(methods), 'method')}**")
        st.caption(escaped(", ".join(TITLES[method] for method in methods)))
    elif options.get("method"):
        settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options["settings"].items())
        st.markdown(f"**{TITLES[options['method']]}**")
        st.caption(escaped(settings) or "nothing to set")
    if options.get("data"):
        st.markdown(f"**{escaped(datasets.title(options['data']))}**")
        st.caption(escaped(", ".join(numbers(options))))
    if bent := options.get("curve"):
        st.markdown(f"**{escaped(curve_title(bent))}**")
    back(kind, options)


def numbers(options: Mapping[str, Any]) -> list[str]:
    """How much is measured, and how."""
    named = {"grid": "cell", "points": "point", "train_examples": "example"}
    found = [counted(options[name], what) for name, what in named.items() if name in options]
    found += [f"seed {options['seed']}"] if "seed" in options else []
    found += [f"recalibrate {options['recalibrate'] or 'none'}"] if "recalibrate" in options else []
    return found + ([f"{counted(options['finetune'], 'epoch')} of fine-tuning"] if options.get("finetune") else [])
