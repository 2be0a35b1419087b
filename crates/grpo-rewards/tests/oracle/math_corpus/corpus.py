"""All pairs of the fixture, in its order."""

from . import Pair, word_problems


def all_pairs() -> list[Pair]:
    return word_problems.pairs()
