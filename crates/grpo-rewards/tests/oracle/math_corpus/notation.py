"""LaTeX as MATH solutions write it, and the sentences around a final answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, isqrt
from random import Random

from . import Pair, stream


class Plain(str):
    """An answer written outside LaTeX."""


class Ending(str):
    """A whole last sentence, where the usual ones don't fit."""


@dataclass(frozen=True)
class Item:
    """A question's answer with the ways it is written; `working` are the sentences that lead to it."""

    working: str
    reference: str
    right: list[str]
    wrong: list[str]
    policy: list[str] = field(default_factory=list)
    name: str | None = None  # of the unknown, where the answer is its value


Family = Callable[[Random], Item]

BOXED = [
    "Therefore, the answer is $\\boxed{{{}}}$.",
    "The final answer is $\\boxed{{{}}}$.",
    "$\\boxed{{{}}}$",
    "\\[ \\boxed{{{}}} \\]",
    "\\[\n\\boxed{{{}}}\n\\]",
    "\\boxed{{{}}}",
    "Thus, we get\n$$\\boxed{{{}}}$$",
    "So the answer is \\(\\boxed{{{}}}\\).",
    "Final Answer: The final answer is $\\boxed{{{}}}$. I hope it is correct.",
    "**Final Answer**\n\\[ \\boxed{{{}}} \\]",
    "Our answer is $\\boxed{{{}}}.$",
    "Hence the result is \\boxed{{{}}}.",
    "<answer> $\\boxed{{{}}}$ </answer>",
]
UNBOXED = [
    "The answer is ${}$.",
    "**Answer:** ${}$",
    "Therefore, the answer is \\({}\\).",
    "So the final answer is ${}$.",
    "Final Answer: The final answer is ${}$. I hope it is correct.",
    "Answer: ${}$",
    "Thus, the answer is\n\\[ {} \\]",
    "So we get ${}$.",
    "Hence the answer is $${}$$",
]
NAMED = [
    "Thus, ${} = {}$.",
    "Hence ${} = \\boxed{{{}}}$.",
    "$\\boxed{{{} = {}}}$",
    "The answer is ${} = {}$.",
    "\\[ \\boxed{{{} = {}}} \\]",
]
PLAIN = [
    "The answer is {}.",
    "Answer: {}",
    "So the answer is {}.",
    "**Answer: {}**",
    "Final answer: {}",
    "The final answer is {}.",
    "The answer is **{}**.",
]
REMARKS = ["\n\nThis completes the solution.", " This agrees with our expectation.", "\n\nLet me know if you would like more detail."]
OPENINGS = ["", "", "", "", "Let's think step by step. ", "**Solution.** ", "To solve this problem, we proceed as follows. ", "<think>\n"]


def ending(r: Random, item: Item, answer: str) -> str:
    if isinstance(answer, Ending):
        return str(answer)
    if isinstance(answer, Plain):
        return r.choice(PLAIN).format(answer)
    if item.name and r.random() < 0.2:
        return r.choice(NAMED).format(item.name, answer)
    return r.choice(BOXED if r.random() < 0.7 else UNBOXED).format(answer)


def completion(r: Random, item: Item, answer: str) -> str:
    opening, gap = r.choice(OPENINGS), r.choice([" ", "\n", "\n\n"])
    if opening.startswith("<think>"):
        gap = "\n</think>\n"
    remark = r.choice(REMARKS) if r.random() < 0.06 else ""
    return opening + item.working + gap + ending(r, item, answer) + remark


def pairs_of(family: Family, count: int) -> list[Pair]:
    """`count` pairs, right and wrong in turn; now and then one of them is a matter of policy."""
    category = family.__name__
    r, made = stream("math/" + category), []
    while len(made) < count:
        item = family(r)
        right = [a for a in item.right if a not in item.wrong]
        wrong = [a for a in item.wrong if a not in item.right and a != item.reference]
        drawn = [(answer, True) for answer in r.sample(right, min(2, len(right)))]
        drawn += [(answer, False) for answer in r.sample(wrong, min(2, len(wrong)))]
        if item.policy and r.random() < 0.3:
            drawn[r.randrange(len(drawn))] = (r.choice(item.policy), None)
        made += [Pair("math", category, completion(r, item, answer), item.reference, truth) for answer, truth in drawn]
    return made[:count]


# --- pieces of LaTeX -------------------------------------------------------------------------------------------------


def frac(value: Fraction, command: str = "\\frac") -> str:
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    return f"{'-' if value < 0 else ''}{command}{{{abs(value.numerator)}}}{{{value.denominator}}}"


def slash(value: Fraction) -> str:
    return str(Fraction(value))


def decimal(value: Fraction, places: int | None = None) -> str:
    """All digits of a terminating decimal, or `places` of them, rounded."""
    if places is not None:
        return f"{float(value):.{places}f}"
    text = f"{float(value):.10f}".rstrip("0")
    return text.rstrip(".")


def terminates(value: Fraction) -> bool:
    return 10**6 % Fraction(value).denominator == 0


def reduced(r: Random, low: int = 1, high: int = 20, den: tuple[int, int] = (2, 15)) -> Fraction:
    """A fraction in lowest terms that isn't whole."""
    while True:
        n, d = r.randint(low, high), r.randint(*den)
        if gcd(n, d) == 1 and d > 1 and n != d:
            return Fraction(n, d)


def squarefree(r: Random, *without: int) -> int:
    return r.choice([n for n in (2, 3, 5, 6, 7, 10, 11, 13, 15) if n not in without])


def is_square(n: int) -> bool:
    return n >= 0 and isqrt(n) ** 2 == n


def signed(n: int) -> str:
    """` + 3` or ` - 3`, to stand behind something."""
    return f" + {n}" if n >= 0 else f" - {-n}"


def term(c: int, letters: str) -> str:
    """`3x`, `x`, `-x`; a constant where there are no letters."""
    if not letters:
        return str(c)
    return {1: letters, -1: "-" + letters}.get(c, f"{c}{letters}")


def total(terms: list[tuple[int, str]]) -> str:
    """A sum of terms in the order given; those with coefficient 0 are left out."""
    text = ""
    for c, letters in terms:
        if c == 0:
            continue
        one = term(abs(c), letters)
        text = (("-" if c < 0 else "") + one) if not text else f"{text} {'+' if c > 0 else '-'} {one}"
    return text or "0"


def polynomial(coefficients: list[int], letter: str = "x") -> str:
    """Coefficients from the highest power down."""
    return total(powers(coefficients, letter))


def powers(coefficients: list[int], letter: str = "x") -> list[tuple[int, str]]:
    degree = len(coefficients) - 1
    names = {0: "", 1: letter}
    return [(c, names.get(degree - i, f"{letter}^{degree - i}")) for i, c in enumerate(coefficients)]


def factor(root: int, letter: str = "x") -> str:
    return letter if root == 0 else f"({letter}{signed(-root)})"
