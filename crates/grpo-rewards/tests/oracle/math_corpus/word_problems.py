"""GSM8K-style pairs: the stories worked out in the styles and notations that small models use, right or with a slip."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

from . import Pair, stream
from .stories import (
    COUNTS,
    DECIMALS,
    LARGE,
    MONEY,
    TIMES,
    Number,
    Problem,
    Step,
    account,
    average,
    change,
    homework,
    pizza,
    recipe,
    share,
    show,
    wages,
    weather,
)

# --- working ---------------------------------------------------------------------------------------------------------


def dollars(problem: Problem, value: Number) -> str:
    """An amount as a model writes it: cents only where there are some."""
    cents = Fraction(value).denominator != 1
    return ("-$" if value < 0 else "$") + show(abs(value), commas=True, cents=cents)


def amount(problem: Problem, value: Number) -> str:
    return dollars(problem, value) if problem.money else show(value)


def plain(problem: Problem, steps: tuple[Step, ...]) -> str:
    return " ".join(s.sentence.format(f"{s.expression} = {amount(problem, s.value)}") for s in steps)


def calculator(problem: Problem, steps: tuple[Step, ...]) -> str:
    def equation(s: Step) -> str:
        tight = s.expression.replace(" ", "")
        mark = "$" if problem.money else ""
        return f"{s.expression} = {mark}<<{tight}={show(s.value)}>>{show(s.value)}"

    return "\n".join(s.sentence.format(equation(s)) for s in steps)


def numbered(problem: Problem, steps: tuple[Step, ...]) -> str:
    lines = (s.sentence.format(f"{s.expression.replace('*', '×').replace('/', '÷')} = {amount(problem, s.value)}") for s in steps)
    return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))


def latex(problem: Problem, steps: tuple[Step, ...]) -> str:
    def equation(s: Step) -> str:
        left = s.expression.replace("*", "\\times").replace("/", "\\div")
        value = ("\\$" if problem.money else "") + show(s.value)
        return f"${left} = {value}$"

    return " ".join(s.sentence.format(equation(s)) for s in steps)


def bullets(problem: Problem, steps: tuple[Step, ...]) -> str:
    return "\n".join("- " + s.sentence.format(f"**{s.expression} = {show(s.value)}**") for s in steps)


def results_only(problem: Problem, steps: tuple[Step, ...]) -> str:
    return " ".join(s.sentence.format(amount(problem, s.value)) for s in steps)


OPENINGS = [
    "",
    "",
    "",
    "Let's think step by step. ",
    "Let's solve this step by step.\n",
    "To solve this, we go step by step.\n",
    "First things first. ",
]


def working(r: Random, problem: Problem) -> str:
    render = r.choices([plain, calculator, numbered, latex, bullets, results_only], weights=[6, 5, 2, 3, 1, 2])[0]
    return r.choice(OPENINGS) + render(problem, problem.steps)


def slip(r: Random, problem: Problem) -> Problem:
    """The same problem with a wrong result: a step left out, or the last one miscalculated."""
    right = Fraction(problem.answer)
    if r.random() < 0.3 and problem.steps[-2].value != right:
        return replace(problem, steps=problem.steps[:-1])
    digits = show(abs(right))
    guesses = [right + 1, right - 1, right + 10, right * 10, right + 2, right * 2]
    if right.denominator == 1:
        guesses.append(right + r.choice([-3, 3, 5, 20, -20]))
        if len(digits) > 1 and digits[0] != digits[1]:
            guesses.append(Fraction(int(digits[1] + digits[0] + digits[2:])) * (1 if right > 0 else -1))
    else:
        guesses += [right + Fraction(1, 2), right - Fraction(1, 10), Fraction(int(right)), right + Fraction(1, 4)]
    if right < 0:
        guesses.append(-right)
        guesses.append(-right)
    wrong = r.choice([g for g in guesses if g != right and (g > 0 or right < 0)])
    return replace(problem, steps=(*problem.steps[:-1], replace(problem.steps[-1], value=wrong)))


# --- endings ---------------------------------------------------------------------------------------------------------

Ending = Callable[[Random, Problem], str]


def one_of(*templates: str, number: Callable[[Random, Problem], str] | None = None) -> Ending:
    """An ending of one of the templates: `{n}` the number, `{u}` the unit, `{s}` the closing sentence, `{S}` capitalised."""

    def ending(r: Random, p: Problem) -> str:
        n = number(r, p) if number else show(p.answer)
        s = p.ending.format(n)
        return r.choice(templates).format(n=n, u=p.unit, s=s, S=s[0].upper() + s[1:])

    return ending


def commas(_: Random, p: Problem) -> str:
    return show(p.answer, commas=True)


def with_dollar(r: Random, p: Problem) -> str:
    cents = Fraction(p.answer).denominator != 1 or r.random() < 0.25
    return "$" + show(p.answer, commas=r.random() < 0.8, cents=cents)


def as_fraction(_: Random, p: Problem) -> str:
    value = Fraction(p.answer)
    return f"{value.numerator}/{value.denominator}" if value.denominator != 1 else str(value.numerator)


def latex_fraction(r: Random, p: Problem) -> str:
    value = Fraction(p.answer)
    if value.denominator == 1:
        return str(value.numerator)
    return f"\\{r.choice(['frac', 'frac', 'dfrac'])}{{{value.numerator}}}{{{value.denominator}}}"


def padded(r: Random, p: Problem) -> str:
    """A decimal with zeros behind it, or an integer with `.0`."""
    text = show(p.answer)
    return text + "0" * r.randint(1, 2) if "." in text else text + r.choice([".0", ".00"])


def unicode_minus(_: Random, p: Problem) -> str:
    return show(p.answer).replace("-", "−")


def hours_and_minutes(_: Random, p: Problem) -> str:
    hours, minutes = divmod(int(p.answer), 60)
    return f"{hours} {'hour' if hours == 1 else 'hours'} and {minutes} minutes"


HASH = one_of("#### {n}", "\n#### {n}", "#### {n}", "####{n}")
ANSWER_IS = one_of(
    "The answer is {n}.",
    "So the answer is {n}.",
    "The answer is {n}",
    "Therefore, the answer is {n} {u}.",
    "The final answer is {n}.",
    "Thus the final answer is {n} {u}.",
    "So, the answer is: {n}",
    "The answer is: {n} {u}.",
    "The correct answer is {n}.",
    "The answer is therefore {n}.",
)
COLON = one_of(
    "Answer: {n}",
    "Final Answer: {n}",
    "**Answer:** {n}",
    "**Final Answer:** {n} {u}",
    "Answer: {n} {u}",
    "ANSWER: {n}",
    "**Answer: {n}**",
    "### Final Answer: {n}",
    "Final answer: {n} {u}.",
    "Result: {n}",
)
BOLD = one_of(
    "The answer is **{n}**.", "**{n}**", "**{n} {u}**", "So the result is **{n} {u}**.", "Therefore, **{s}**.", "Final result: **{n}**"
)
BOXED = one_of(
    "$\\boxed{{{n}}}$",
    "\\boxed{{{n}}}",
    "The answer is $\\boxed{{{n}}}$.",
    "\\[ \\boxed{{{n}}} \\]",
    "Therefore, the final answer is $\\boxed{{{n}}}$.",
    "So the answer is \\boxed{{{n}}}.",
    "$$\\boxed{{{n}}}$$",
    "Final Answer: \\(\\boxed{{{n}}}\\)",
    "{S}: $\\boxed{{{n}}}$",
)
BOXED_UNIT = one_of(
    "$\\boxed{{{n} \\text{{ {u}}}}}$",
    "\\boxed{{{n}\\text{{ {u}}}}}",
    "The answer is $\\boxed{{{n}}}$ {u}.",
    "\\boxed{{{n} {u}}}",
    "\\[ \\boxed{{{n}\\ \\text{{{u}}}}} \\]",
    "So we get \\boxed{{{n}}} {u}.",
)
SENTENCE = one_of("{S}.", "So {s}.", "Therefore, {s}.", "Thus, {s}.", "In total, {s}.", "Hence {s}!", "This means that {s}.")
REMARK = one_of(
    "The answer is {n}. I hope this helps!",
    "The answer is {n} {u}, which seems reasonable.",
    "#### {n}\n\nLet me know if you have questions.",
    "So the answer is {n} {u}. This matches what we expected.",
    "\\boxed{{{n}}}\n\nThis is the final result.",
    "The answer is {n}, since we counted every one of them.",
    "Final answer: {n} {u}. Easy!",
    "**{n}** {u}. We are done.",
    "$\\boxed{{{n}}}$\n\nSo {s}.",
    "The answer is {n} {u} (checked by adding up again).",
)
FIRST = one_of(
    "The answer is {n} {u}. Here is why: ",
    "**Answer: {n}**\n\nExplanation: ",
    "$\\boxed{{{n}}}$\n\nReasoning: ",
    "{S}. To see this: ",
    "Final answer: {n}. Details: ",
    "The answer is {n}, because ",
)
TAGS = one_of(
    "<answer>{n}</answer>",
    "<answer> {n} </answer>",
    "<answer>\\boxed{{{n}}}</answer>",
    "<answer>{n} {u}</answer>",
    "<answer>\n{n}\n</answer>",
)


# --- categories ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Category:
    name: str
    count: int
    stories: list[Callable[[Random], Problem]]
    ending: Ending
    join: str = "\n"
    reference: Callable[[Problem], str] = lambda p: show(p.answer)
    accept: Callable[[Problem], bool] = lambda p: True
    bare: bool = False  # the working ends in the answer: nothing but the last step is said


def fractional(p: Problem) -> bool:
    return Fraction(p.answer).denominator != 1


DOLLAR = one_of(
    "#### {n}",
    "The answer is {n}.",
    "So the answer is {n}.",
    "{S}.",
    "Therefore, {s}.",
    "Answer: {n}",
    "**{n}**",
    "Total: {n}",
    number=with_dollar,
)
DOLLAR_BOX = one_of("$\\boxed{{\\{n}}}$", "\\boxed{{\\{n}}}", "The answer is $\\boxed{{\\{n}}}$.", "\\boxed{{{n}}}", number=with_dollar)
DOLLAR_WORD = one_of(
    "The answer is {n} dollars.",
    "#### {n} dollars",
    "Answer: {n} dollars",
    "So that is {n} dollars.",
    "$\\boxed{{{n} \\text{{ dollars}}}}$",
    number=commas,
)
THOUSANDS = one_of(
    "#### {n}",
    "The answer is {n}.",
    "{S}.",
    "$\\boxed{{{n}}}$",
    "Answer: {n} {u}",
    "So {s}.",
    "**{n} {u}**",
    "The final answer is {n} {u}.",
    number=commas,
)
PERCENT = one_of(
    "The answer is {n}%.",
    "#### {n}%",
    "So {n}% of the beads are blue.",
    "$\\boxed{{{n}\\%}}$",
    "Answer: {n} percent",
    "**{n}%**",
    "The final answer is {n}%.",
    "\\boxed{{{n}}}%",
    "{S}.",
    "#### {n}",
)
FRACTION = one_of(
    "The answer is {n}.", "#### {n}", "{S}.", "Answer: {n}", "So the answer is {n} {u}.", "\\boxed{{{n}}}", number=as_fraction
)
LATEX_FRACTION = one_of(
    "The answer is ${n}$.", "$\\boxed{{{n}}}$", "\\[ \\boxed{{{n}}} \\]", "So the answer is \\boxed{{{n}}}.", number=latex_fraction
)
PADDED = one_of("The answer is {n}.", "#### {n}", "{S}.", "$\\boxed{{{n}}}$", "Answer: {n} {u}", number=padded)
NEGATIVE = one_of(
    "The answer is {n}.", "#### {n}", "{S}.", "$\\boxed{{{n}}}$", "Answer: {n} {u}", "The final answer is {n} {u}.", "**{n}**"
)

CATEGORIES = [
    Category("hash", 40, [*COUNTS, *LARGE, *MONEY], HASH),
    Category("hash_unit", 16, [*COUNTS, *TIMES], one_of("#### {n} {u}", "#### {n} {u}.")),
    Category("answer_is", 44, [*COUNTS, *TIMES, *DECIMALS], ANSWER_IS),
    Category("answer_colon", 32, [*COUNTS, *LARGE], COLON),
    Category("bold", 24, [*COUNTS, *TIMES], BOLD),
    Category("boxed", 44, [*COUNTS, *LARGE, *DECIMALS], BOXED),
    Category("boxed_unit", 18, [*COUNTS, *TIMES], BOXED_UNIT),
    Category("sentence", 36, [*COUNTS, *TIMES, average], SENTENCE),
    Category("equals", 28, [*COUNTS, *TIMES], one_of(""), bare=True),
    Category("thousands", 36, LARGE, THOUSANDS),
    Category("thousands_reference", 8, LARGE, one_of("#### {n}", "The answer is {n}."), reference=lambda p: show(p.answer, commas=True)),
    Category("currency", 40, MONEY, DOLLAR),
    Category("currency_boxed", 16, MONEY, DOLLAR_BOX),
    Category("currency_word", 12, [wages, change], DOLLAR_WORD),
    Category("percent", 24, [share], PERCENT),
    Category("time", 16, TIMES, SENTENCE),
    Category(
        "hours_and_minutes",
        6,
        [homework],
        one_of("The answer is {n}.", "So it takes {n}.", number=hours_and_minutes),
        accept=lambda p: p.answer > 60,
    ),
    Category("fraction", 20, [pizza, recipe], FRACTION, reference=lambda p: as_fraction(None, p), accept=fractional),
    Category(
        "fraction_decimal",
        14,
        [recipe, pizza],
        LATEX_FRACTION,
        reference=lambda p: show(p.answer),
        accept=lambda p: fractional(p) and 64 % Fraction(p.answer).denominator == 0,
    ),
    Category(
        "decimal", 28, DECIMALS, one_of("The answer is {n}.", "#### {n}", "{S}.", "$\\boxed{{{n}}}$", "Answer: {n} {u}"), accept=fractional
    ),
    Category("decimal_zeros", 16, [average, *COUNTS], PADDED),
    Category("negative", 28, [weather, account], NEGATIVE),
    Category("unicode_minus", 6, [weather], one_of("The answer is {n}.", "#### {n}", "$\\boxed{{{n}}}$", number=unicode_minus)),
    Category("remark_after", 34, COUNTS, REMARK),
    Category("tags", 8, COUNTS, TAGS),
]


def terminating(p: Problem) -> bool:
    d = Fraction(p.answer).denominator
    return all(64 % Fraction(s.value).denominator == 0 or 10**6 % Fraction(s.value).denominator == 0 for s in p.steps) and 10**6 % d == 0


def draw(r: Random, category: Category) -> Problem:
    while True:
        problem = r.choice(category.stories)(r)
        if category.accept(problem) and (terminating(problem) or category.name == "fraction"):
            return problem


def wrong(r: Random, category: Category, problem: Problem) -> Problem:
    while True:
        guess = slip(r, problem)
        if guess.answer != problem.answer and (category.name != "negative" or guess.unit == problem.unit):
            return guess


def pair(r: Random, category: Category, right: bool) -> Pair:
    problem = draw(r, category)
    said = problem if right else wrong(r, category, problem)
    if category.bare:
        text = r.choice([plain, calculator, numbered])(said, said.steps)
    else:
        text = working(r, said) + category.join + category.ending(r, said)
    if category.name == "unicode_minus" and r.random() < 0.5:
        text = re.sub(r"(?<= )-(?= )|-(?=\d)", "−", text)
    return Pair("gsm8k", category.name, text, category.reference(problem), right)


def answer_first(r: Random, right: bool) -> Pair:
    problem = r.choice(COUNTS)(r)
    said = problem if right else slip(r, problem)
    return Pair("gsm8k", "answer_first", FIRST(r, said) + plain(said, said.steps), show(problem.answer), right)


def corrected(r: Random, right: bool) -> Pair:
    """A first answer that the model takes back."""
    problem = r.choice(COUNTS)(r)
    other = slip(r, problem)
    first, last = (other, problem) if right else (problem, other)
    turn = r.choice(["Wait, let me check that again.", "Hmm, that is not right.", "But I made a mistake there."])
    text = f"{plain(first, first.steps)} So the answer would be {show(first.answer)}. {turn} {plain(last, last.steps)} "
    return Pair("gsm8k", "corrected", text + ANSWER_IS(r, last), show(problem.answer), right)


def checked(r: Random, right: bool) -> Pair:
    """The answer, and a sentence with another number behind it: the last number isn't the answer."""
    problem = r.choice(COUNTS)(r)
    said = problem if right else slip(r, problem)
    check = r.choice(["Check: {} + 1 - 1 gives the same as above, in {} steps.", "This took {1} steps.", "We used {1} equations."])
    text = f"{plain(said, said.steps)}\n{r.choice([HASH, BOXED, ANSWER_IS])(r, said)} " + check.format(show(said.answer), len(said.steps))
    return Pair("gsm8k", "number_after", text, show(problem.answer), right)


def without_answer(r: Random) -> Pair:
    """Cut off, or given up, before any answer; the numbers that stand there are others than the answer."""
    problem = r.choice([p for p in (s(r) for s in COUNTS * 3) if all(s.value != p.answer for s in p.steps[:-1])])
    text = plain(problem, problem.steps[:-1]) + r.choice(
        [" Next we have to", " I am not sure how to go on.", " The answer is", "\n####", " Therefore, $\\boxed{"]
    )
    return Pair("gsm8k", "no_answer", text, show(problem.answer), False)


def pairs() -> list[Pair]:
    made = []
    for category in CATEGORIES:
        r = stream("gsm8k/" + category.name)
        made += [pair(r, category, right=i % 2 == 0) for i in range(category.count)]
    for name, count, make in [("answer_first", 16, answer_first), ("corrected", 12, corrected), ("number_after", 12, checked)]:
        r = stream("gsm8k/" + name)
        made += [make(r, i % 2 == 0) for i in range(count)]
    r = stream("gsm8k/no_answer")
    return made + [without_answer(r) for _ in range(8)]
