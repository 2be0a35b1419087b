"""GSM8K-style pairs: short stories with numbers, worked out step by step, in the notations small models use."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

from . import Pair, stream

Number = int | Fraction


@dataclass(frozen=True)
class Step:
    """One sentence; `{}` in it is where the equation `expression = value` stands."""

    sentence: str
    expression: str
    value: Number


@dataclass(frozen=True)
class Problem:
    steps: tuple[Step, ...]
    unit: str
    ending: str  # a sentence without full stop that states the answer at `{}`
    money: bool = False

    @property
    def answer(self) -> Number:
        return self.steps[-1].value


def show(value: Number, commas: bool = False, cents: bool = False) -> str:
    """A terminating decimal; `cents` writes two decimals."""
    value = Fraction(value)
    if cents:
        return f"{float(value):,.2f}" if commas else f"{float(value):.2f}"
    if value.denominator == 1:
        return f"{value.numerator:,}" if commas else str(value.numerator)
    text = f"{float(value):.6f}".rstrip("0")
    whole, part = text.split(".")
    return f"{int(whole):,}.{part}" if commas and abs(value) >= 1000 else f"{whole}.{part}"


# --- stories ---------------------------------------------------------------------------------------------------------

NAMES = ["Ines", "Tomas", "Priya", "Kofi", "Marta", "Yusuf", "Lena", "Diego", "Aiko", "Bruno", "Nadia", "Femi"]


def muffins(r: Random) -> Problem:
    who, trays, each, eaten = r.choice(NAMES), r.randint(4, 12), r.randint(6, 24), r.randint(5, 20)
    baked = trays * each
    return Problem(
        (
            Step(f"{who} bakes {{}} muffins.", f"{trays} * {each}", baked),
            Step(f"After giving {eaten} away there are {{}} muffins.", f"{baked} - {eaten}", baked - eaten),
        ),
        "muffins",
        f"{who} has {{}} muffins left",
    )


def stickers(r: Random) -> Problem:
    who, start, bought, friends = r.choice(NAMES), r.randint(20, 90), r.randint(10, 50), r.randint(2, 6)
    total = (start + bought) // friends * friends
    start = total - bought
    return Problem(
        (
            Step("In all there are {} stickers.", f"{start} + {bought}", total),
            Step(f"Shared by {friends} children, that is {{}} stickers each.", f"{total} / {friends}", total // friends),
        ),
        "stickers",
        "each child gets {} stickers",
    )


def train(r: Random) -> Problem:
    speed, first, second = r.choice([45, 60, 72, 80, 95]), r.randint(2, 5), r.randint(1, 4)
    return Problem(
        (
            Step("The train travels for {} hours.", f"{first} + {second}", first + second),
            Step("So it covers {} kilometers.", f"{speed} * {first + second}", speed * (first + second)),
        ),
        "kilometers",
        "the train travels {} kilometers",
    )


def garden(r: Random) -> Problem:
    length, width = r.randint(8, 40), r.randint(4, 20)
    return Problem(
        (
            Step("Half of the fence is {} meters.", f"{length} + {width}", length + width),
            Step("The whole fence is {} meters.", f"2 * {length + width}", 2 * (length + width)),
        ),
        "meters",
        "the fence is {} meters long",
    )


def pages(r: Random) -> Problem:
    who, book, daily, days = r.choice(NAMES), r.randint(200, 480), r.randint(12, 24), r.randint(4, 9)
    return Problem(
        (
            Step(f"{who} has read {{}} pages.", f"{daily} * {days}", daily * days),
            Step("The rest of the book has {} pages.", f"{book} - {daily * days}", book - daily * days),
        ),
        "pages",
        f"{who} still has to read {{}} pages",
    )


def stadium(r: Random) -> Problem:
    blocks, rows, seats, empty = r.randint(6, 18), r.randint(20, 40), r.randint(15, 30), r.randint(120, 900)
    total = blocks * rows * seats
    return Problem(
        (
            Step("One block has {} seats.", f"{rows} * {seats}", rows * seats),
            Step("The stadium has {} seats.", f"{blocks} * {rows * seats}", total),
            Step(f"With {empty} of them empty, {{}} seats are taken.", f"{total} - {empty}", total - empty),
        ),
        "seats",
        "{} seats are taken",
    )


def population(r: Random) -> Problem:
    start, born, years = r.randint(11, 98) * 1000, r.randint(150, 900), r.randint(3, 12)
    return Problem(
        (
            Step("The town grows by {} people.", f"{born} * {years}", born * years),
            Step("That makes {} people.", f"{start} + {born * years}", start + born * years),
        ),
        "people",
        "the town will have {} people",
    )


def wages(r: Random) -> Problem:
    who, hourly, hours, weeks = r.choice(NAMES), r.randint(12, 32), r.randint(15, 40), r.randint(4, 12)
    return Problem(
        (
            Step(f"{who} earns {{}} a week.", f"{hourly} * {hours}", hourly * hours),
            Step(f"In {weeks} weeks this is {{}}.", f"{hourly * hours} * {weeks}", hourly * hours * weeks),
        ),
        "dollars",
        f"{who} earns {{}}",
        money=True,
    )


def groceries(r: Random) -> Problem:
    who, count, price, other = r.choice(NAMES), r.randint(3, 9), Fraction(r.randint(5, 18), 4), Fraction(r.randint(8, 40), 2)
    goods = count * price
    return Problem(
        (
            Step("The melons cost {}.", f"{count} * {show(price)}", goods),
            Step("Together with the cheese that is {}.", f"{show(goods)} + {show(other)}", goods + other),
        ),
        "dollars",
        f"{who} pays {{}}",
        money=True,
    )


def change(r: Random) -> Problem:
    who, count, price, note = r.choice(NAMES), r.randint(3, 7), r.randint(2, 6), r.choice([50, 100])
    return Problem(
        (
            Step(f"{count} notebooks cost {{}}.", f"{count} * {price}", count * price),
            Step("The change is {}.", f"{note} - {count * price}", note - count * price),
        ),
        "dollars",
        f"{who} gets {{}} back",
        money=True,
    )


def discount(r: Random) -> Problem:
    price, off = r.choice([40, 60, 80, 120, 150, 200, 260]), r.choice([5, 10, 20, 25, 30])
    cut = Fraction(price * off, 100)
    return Problem(
        (
            Step("The discount is {}.", f"{price} * {show(Fraction(off, 100))}", cut),
            Step("The coat then costs {}.", f"{price} - {show(cut)}", price - cut),
        ),
        "dollars",
        "the coat costs {} after the discount",
        money=True,
    )


def share(r: Random) -> Problem:
    whole = r.choice([20, 25, 40, 50, 80, 200])
    part = whole * r.choice([15, 20, 30, 35, 45, 60, 65, 85]) // 100
    percent = Fraction(100 * part, whole)
    return Problem(
        (
            Step("The number of blue beads is {}.", f"{whole} - {whole - part}", part),
            Step("As a percentage this is {}.", f"{part} / {whole} * 100", percent),
        ),
        "percent",
        "{} percent of the beads are blue",
    )


def homework(r: Random) -> Problem:
    who, tasks, each, breaks = r.choice(NAMES), r.randint(4, 9), r.randint(6, 15), r.choice([5, 10, 15])
    return Problem(
        (
            Step("The tasks take {} minutes.", f"{tasks} * {each}", tasks * each),
            Step("With the break it is {} minutes.", f"{tasks * each} + {breaks}", tasks * each + breaks),
        ),
        "minutes",
        f"{who} needs {{}} minutes",
    )


def hike(r: Random) -> Problem:
    who, speed, hours = r.choice(NAMES), r.choice([4, 6]), Fraction(r.choice([5, 7, 9, 11]), 2)
    there = speed * hours / 2
    return Problem(
        (
            Step("The way there is {} miles.", f"{speed} * {show(hours)} / 2", there),
            Step(f"At {2 * speed} miles per hour the way back takes {{}} hours.", f"{show(there)} / {2 * speed}", hours / 4),
            Step("The whole trip takes {} hours.", f"{show(hours / 2)} + {show(hours / 4)}", hours * Fraction(3, 4)),
        ),
        "hours",
        f"{who} is on the way for {{}} hours",
    )


def recipe(r: Random) -> Problem:
    cups, guests, base = Fraction(r.choice([1, 3, 5]), 4), r.choice([6, 8, 10]), 4
    one = cups / base
    return Problem(
        (
            Step("One guest needs {} cups of flour.", f"{show(cups)} / {base}", one),
            Step(f"For {guests} guests that is {{}} cups.", f"{guests} * {show(one)}", guests * one),
        ),
        "cups",
        "the recipe needs {} cups of flour",
    )


def pizza(r: Random) -> Problem:
    slices, eaten = r.choice([8, 12, 16]), r.choice([3, 5, 7])
    left = Fraction(slices - eaten, slices)
    return Problem(
        (
            Step("There are {} slices left.", f"{slices} - {eaten}", slices - eaten),
            Step("As a part of the pizza that is {}.", f"{slices - eaten} / {slices}", left),
        ),
        "of the pizza",
        "{} of the pizza is left",
    )


def weather(r: Random) -> Problem:
    noon, hourly, hours = r.randint(2, 9), r.randint(2, 4), r.randint(5, 8)
    drop = hourly * hours
    return Problem(
        (
            Step("The temperature falls by {} degrees.", f"{hourly} * {hours}", drop),
            Step("In the evening it is {} degrees.", f"{noon} - {drop}", noon - drop),
        ),
        "degrees",
        "it is {} degrees in the evening",
    )


def account(r: Random) -> Problem:
    balance, fee, months = r.randint(20, 60), r.randint(15, 30), r.randint(4, 9)
    return Problem(
        (
            Step("The fees are {}.", f"{fee} * {months}", fee * months),
            Step("The balance is then {}.", f"{balance} - {fee * months}", balance - fee * months),
        ),
        "dollars",
        "the balance is {}",
        money=False,
    )


def average(r: Random) -> Problem:
    who, marks = r.choice(NAMES), [r.randint(60, 99) for _ in range(4)]
    return Problem(
        (
            Step("The four marks add up to {}.", " + ".join(map(str, marks)), sum(marks)),
            Step("The average is {}.", f"{sum(marks)} / 4", Fraction(sum(marks), 4)),
        ),
        "points",
        f"{who} has an average of {{}} points",
    )


COUNTS = [muffins, stickers, train, garden, pages]
LARGE = [stadium, population]
MONEY = [wages, groceries, change, discount]
TIMES = [homework, hike]
DECIMALS = [average, recipe, hike]


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


OPENINGS = ["", "", "", "Let's think step by step. ", "Let's solve this step by step.\n", "To solve this, we go step by step.\n", "First things first. "]


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
    "The answer is {n}.", "So the answer is {n}.", "The answer is {n}", "Therefore, the answer is {n} {u}.",
    "The final answer is {n}.", "Thus the final answer is {n} {u}.", "So, the answer is: {n}", "The answer is: {n} {u}.",
    "The correct answer is {n}.", "The answer is therefore {n}.",
)
COLON = one_of(
    "Answer: {n}", "Final Answer: {n}", "**Answer:** {n}", "**Final Answer:** {n} {u}", "Answer: {n} {u}", "ANSWER: {n}",
    "**Answer: {n}**", "### Final Answer: {n}", "Final answer: {n} {u}.", "Result: {n}",
)
BOLD = one_of("The answer is **{n}**.", "**{n}**", "**{n} {u}**", "So the result is **{n} {u}**.", "Therefore, **{s}**.", "Final result: **{n}**")
BOXED = one_of(
    "$\\boxed{{{n}}}$", "\\boxed{{{n}}}", "The answer is $\\boxed{{{n}}}$.", "\\[ \\boxed{{{n}}} \\]",
    "Therefore, the final answer is $\\boxed{{{n}}}$.", "So the answer is \\boxed{{{n}}}.", "$$\\boxed{{{n}}}$$",
    "Final Answer: \\(\\boxed{{{n}}}\\)", "{S}: $\\boxed{{{n}}}$",
)
BOXED_UNIT = one_of(
    "$\\boxed{{{n} \\text{{ {u}}}}}$", "\\boxed{{{n}\\text{{ {u}}}}}", "The answer is $\\boxed{{{n}}}$ {u}.", "\\boxed{{{n} {u}}}",
    "\\[ \\boxed{{{n}\\ \\text{{{u}}}}} \\]", "So we get \\boxed{{{n}}} {u}.",
)
SENTENCE = one_of("{S}.", "So {s}.", "Therefore, {s}.", "Thus, {s}.", "In total, {s}.", "Hence {s}!", "This means that {s}.")
REMARK = one_of(
    "The answer is {n}. I hope this helps!", "The answer is {n} {u}, which seems reasonable.", "#### {n}\n\nLet me know if you have questions.",
    "So the answer is {n} {u}. This matches what we expected.", "\\boxed{{{n}}}\n\nThis is the final result.",
    "The answer is {n}, since we counted every one of them.", "Final answer: {n} {u}. Easy!", "**{n}** {u}. We are done.",
    "$\\boxed{{{n}}}$\n\nSo {s}.", "The answer is {n} {u} (checked by adding up again).",
)
FIRST = one_of(
    "The answer is {n} {u}. Here is why: ", "**Answer: {n}**\n\nExplanation: ", "$\\boxed{{{n}}}$\n\nReasoning: ", "{S}. To see this: ",
    "Final answer: {n}. Details: ", "The answer is {n}, because ",
)
TAGS = one_of("<answer>{n}</answer>", "<answer> {n} </answer>", "<answer>\\boxed{{{n}}}</answer>", "<answer>{n} {u}</answer>", "<answer>\n{n}\n</answer>")


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


DOLLAR = one_of("#### {n}", "The answer is {n}.", "So the answer is {n}.", "{S}.", "Therefore, {s}.", "Answer: {n}", "**{n}**", "Total: {n}", number=with_dollar)
DOLLAR_BOX = one_of("$\\boxed{{\\{n}}}$", "\\boxed{{\\{n}}}", "The answer is $\\boxed{{\\{n}}}$.", "\\boxed{{{n}}}", number=with_dollar)
DOLLAR_WORD = one_of("The answer is {n} dollars.", "#### {n} dollars", "Answer: {n} dollars", "So that is {n} dollars.", "$\\boxed{{{n} \\text{{ dollars}}}}$", number=commas)
THOUSANDS = one_of(
    "#### {n}", "The answer is {n}.", "{S}.", "$\\boxed{{{n}}}$", "Answer: {n} {u}", "So {s}.", "**{n} {u}**", "The final answer is {n} {u}.", number=commas
)
PERCENT = one_of(
    "The answer is {n}%.", "#### {n}%", "So {n}% of the beads are blue.", "$\\boxed{{{n}\\%}}$", "Answer: {n} percent", "**{n}%**",
    "The final answer is {n}%.", "\\boxed{{{n}}}%", "{S}.", "#### {n}",
)
FRACTION = one_of("The answer is {n}.", "#### {n}", "{S}.", "Answer: {n}", "So the answer is {n} {u}.", "\\boxed{{{n}}}", number=as_fraction)
LATEX_FRACTION = one_of("The answer is ${n}$.", "$\\boxed{{{n}}}$", "\\[ \\boxed{{{n}}} \\]", "So the answer is \\boxed{{{n}}}.", number=latex_fraction)
PADDED = one_of("The answer is {n}.", "#### {n}", "{S}.", "$\\boxed{{{n}}}$", "Answer: {n} {u}", number=padded)
NEGATIVE = one_of("The answer is {n}.", "#### {n}", "{S}.", "$\\boxed{{{n}}}$", "Answer: {n} {u}", "The final answer is {n} {u}.", "**{n}**")

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
    Category("hours_and_minutes", 6, [homework], one_of("The answer is {n}.", "So it takes {n}.", number=hours_and_minutes), accept=lambda p: p.answer > 60),
    Category("fraction", 20, [pizza, recipe], FRACTION, reference=lambda p: as_fraction(None, p), accept=fractional),
    Category("fraction_decimal", 14, [recipe, pizza], LATEX_FRACTION, reference=lambda p: show(p.answer), accept=lambda p: fractional(p) and 64 % Fraction(p.answer).denominator == 0),
    Category("decimal", 28, DECIMALS, one_of("The answer is {n}.", "#### {n}", "{S}.", "$\\boxed{{{n}}}$", "Answer: {n} {u}"), accept=fractional),
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
        text = text.replace("-", "−")
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
    text = plain(problem, problem.steps[:-1]) + r.choice([" Next we have to", " I am not sure how to go on.", " The answer is", "\n####", " Therefore, $\\boxed{"])
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
