"""Invented stories with numbers: the steps that lead to the answer, each with its equation."""

from dataclasses import dataclass
from fractions import Fraction
from random import Random

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
    r.choice(NAMES)  # drawn for every story
    least, bought, friends = r.randint(20, 90), r.randint(10, 50), r.randint(2, 6)
    total = (least + bought) // friends * friends
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
