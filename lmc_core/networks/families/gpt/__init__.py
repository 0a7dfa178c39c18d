"""Causal transformers that tell the next token."""

from lmc_core.networks.families._family import Family

FAMILY = Family(
    name="gpt",
    title="Causal transformer",
    brief="GPT",
    phrase="a causal transformer",
    module="GPT",
    attends=True,
)
