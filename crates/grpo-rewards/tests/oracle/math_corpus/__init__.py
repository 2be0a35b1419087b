"""Pairs of a completion and a reference whose truth is known by construction, invented for this project.

`word_problems` makes GSM8K-style pairs; `numbers`, `expressions` and `structures` make MATH-style pairs, one function for
each kind of answer. Nothing here knows math-verify: what is right is known before anybody is asked.
"""

from dataclasses import dataclass
from random import Random

SEED = 20260


@dataclass(frozen=True)
class Pair:
    style: str
    category: str
    completion: str
    reference: str
    truth: bool | None


def stream(name: str) -> Random:
    """A stream of its own for every category, so that a new category leaves the others as they are."""
    return Random(f"{SEED}/{name}")
