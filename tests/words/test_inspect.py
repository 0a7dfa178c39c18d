"""What is said of the groups of a network: every class has words, and the words of a group are those of its class."""

import json

from lmc_core.cli import main
from lmc_core.symmetry.classes import KINDS
from lmc_core.words.inspect import CLASSES


def test_every_class_of_symmetry_has_words_of_its_own() -> None:
    assert set(CLASSES) == set(KINDS)
    assert len(set(CLASSES.values())) == len(KINDS)


def test_the_command_says_of_every_group_what_may_be_done_to_it(capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["inspect", "digits-mlp-32/seed0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == dict.fromkeys(("fc1", "fc2", "fc3"), "scaled")
    assert main(["inspect", "digits-lstm/seed0"]) == 0
    assert CLASSES["permutation"] in capsys.readouterr().out
