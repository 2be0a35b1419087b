"""All pairs of the fixture, in its order."""

from . import Pair, expressions, numbers, structures, word_problems
from .notation import pairs_of


def all_pairs() -> list[Pair]:
    made = word_problems.pairs()
    for families in (numbers.FAMILIES, expressions.FAMILIES, structures.FAMILIES):
        for family, count in families:
            made += pairs_of(family, count)
    return made
