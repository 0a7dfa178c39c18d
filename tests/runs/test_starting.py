"""A server or a command that cannot start says why in one sentence, with status 2 and without a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import ROOT

PLACES = {
    "LMC_HOME": ("{file}", "LMC_HOME"),
    "LMC_HOME ": ("{folder}/a-database-that-is-a-folder", "LMC_HOME"),
    "LMC_STORE": ("{file}/store", "LMC_STORE"),
    "LMC_STORE ": ("s4://bucket/store", "LMC_STORE"),
    "LMC_DATABASE_URL": ("sqlite:///{file}/runs.db", "LMC_DATABASE_URL"),
    "LMC_DATABASE_URL ": ("postgresql+psycopg://me:secret@127.0.0.1:1/lmc", "LMC_DATABASE_URL"),
    "LMC_DATABASE_URL  ": ("no address, secret", "LMC_DATABASE_URL"),
    "LMC_DATABASE_URL   ": ("magic://me:secret@host/lmc", "LMC_DATABASE_URL"),
    "LMC_QUEUE": ("many", "LMC_QUEUE"),
}
"""Variable → (a value that cannot be, the variable that the sentence names); blanks tell several of one apart."""


def environment(variable: str, folder: Path) -> dict[str, str]:
    file = folder / "a-file"
    file.write_text("here is a file, no folder")
    (folder / "a-database-that-is-a-folder" / "runs.db").mkdir(parents=True)
    usual = {name: value for name, value in os.environ.items() if not name.startswith("LMC_")}
    value = PLACES[variable][0].format(file=file, folder=folder)
    return {**usual, "LMC_HOME": str(folder / "home"), variable.strip(): value}


def check(ran: "subprocess.CompletedProcess[str]", variable: str, program: str) -> None:
    assert ran.returncode == 2, ran.stderr
    said = [line for line in ran.stderr.splitlines() if line.startswith(program)]
    assert len(said) == 1, ran.stderr
    assert PLACES[variable][1] in said[0]
    assert "Traceback" not in ran.stderr
    assert "secret" not in ran.stderr


@pytest.mark.parametrize("variable", PLACES)
def test_a_command_names_the_variable_that_keeps_it_from_starting(variable: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lmc_core", "reindex"]
    env = environment(variable, tmp_path)
    if variable == "LMC_STORE":  # a store is opened before it is written: the command writes nothing where none is
        env["LMC_STORE"] = "s4://bucket/store"
    check(
        subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False),
        variable,
        "python -m lmc_core: ",
    )


@pytest.mark.parametrize("variable", ["LMC_HOME", "LMC_STORE", "LMC_QUEUE"])
def test_the_server_names_the_variable_that_keeps_it_from_starting(variable: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0", "--server.headless", "true"]
    env = environment(variable, tmp_path)
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
    check(ran, variable, "app.py: ")
