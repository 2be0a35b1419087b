"""MATH-style answers that are a number of something: percent, degrees, dollars, units, digits in a base."""

from fractions import Fraction
from random import Random

from .notation import Ending, Item, Plain, decimal, frac


def percent(r: Random) -> Item:
    v = r.choice([12, 15, 20, 24, 25, 36, 40, 45, 60, 75, 80, 150])
    ref = r.choice([f"{v}\\%", f"{v}\\%", f"{v}"])
    return Item(
        f"The price rises by ${v}$ on every hundred dollars. We compare the change with the original price to get the percentage.",
        ref,
        [f"{v}\\%", f"{v} \\%", Plain(f"{v}%"), f"{v}\\text{{ percent}}", Plain(f"{v} percent"), f"{v}", f"{v}.0\\%"],
        [
            f"{100 - v if v != 50 else 5}\\%",
            f"{v + 5}\\%",
            f"{v * 10}\\%",
            Plain(f"{v - 1}%"),
            f"-{v}\\%",
            f"{decimal(Fraction(v, 10))}\\%",
        ],
        [decimal(Fraction(v, 100)), frac(Fraction(v, 100))],
    )


def degrees(r: Random) -> Item:
    v = r.choice([15, 30, 36, 45, 54, 60, 72, 75, 105, 108, 120, 135, 150])
    return Item(
        f"The angles of the triangle add up to $180^\\circ$, and the other two make up ${180 - v}^\\circ$. Subtracting gives the angle.",
        r.choice([f"{v}^\\circ", f"{v}^\\circ", f"{v}^{{\\circ}}", f"{v}"]),
        [f"{v}^\\circ", f"{v}^{{\\circ}}", str(v), f"{v} \\text{{ degrees}}", Plain(f"{v}°"), Plain(f"{v} degrees"), f"{v} ^ \\circ"],
        [f"{180 - v}^\\circ", f"{v + 10}^\\circ", f"{v - 5}^\\circ", Plain(f"{v + 1} degrees"), str(2 * v), f"-{v}^\\circ"],
        name=r.choice([None, "\\angle A", "\\theta"]),
    )


def currency(r: Random) -> Item:
    v = Fraction(r.randint(5, 160), r.choice([4, 4, 2, 1]))
    cents = f"{float(v):.2f}"
    text = cents if v.denominator != 1 else str(v)
    return Item(
        "We add the tax to the price and round to the cent. Each of the parts is an exact number of cents here.",
        r.choice([f"\\${text}", f"\\${text}", text, f"\\$ {text}"]),
        [f"\\${text}", text, f"\\${cents}", Plain(f"${text}"), f"{text}\\text{{ dollars}}", Plain(f"{text} dollars"), f"\\$ {text}"],
        [
            f"\\${float(v) + 0.1:.2f}",
            f"\\${float(v) * 10:.2f}",
            f"\\${float(v) + 1:.2f}",
            Plain(f"${float(v) + 0.5:.2f}"),
            f"{float(v) * 2 + 1:.2f}",
            f"\\${int(v) + 2}",
        ],
    )


def units(r: Random) -> Item:
    a, b = r.randint(3, 14), r.randint(2, 11)
    v, unit, word = a * b, *r.choice([("cm", "centimeters"), ("m", "meters"), ("ft", "feet"), ("in", "inches")])
    if r.random() < 0.5:
        return Item(
            f"The rectangle has sides ${a}$ and ${b}$. Its area is the product of the two.",
            r.choice([f"{v}\\text{{ {unit}}}^2", f"{v} \\text{{ {unit}}}^2", f"{v}", f"{v}\\text{{ square {word}}}"]),
            [
                str(v),
                f"{v}\\text{{ {unit}}}^2",
                f"{v} \\, \\text{{{unit}}}^2",
                f"{v}\\ \\mathrm{{{unit}}}^2",
                f"{v} \\text{{ square {word}}}",
                Plain(f"{v} square {word}"),
                f"{v} \\text{{ {unit}}}^{{2}}",
            ],
            [
                f"{2 * (a + b)}\\text{{ {unit}}}^2" if 2 * (a + b) != v else str(v + 1),
                str(v + 2),
                f"{v + a}\\text{{ {unit}}}^2",
                f"{v * 10} \\text{{ {unit}}}^2",
                Plain(f"{v - 1} square {word}"),
                f"{a + b}",
            ],
            [f"{v}\\text{{ {unit}}}"],
        )
    return Item(
        f"There are ${b}$ pieces, each ${a}$ {word} long. Laid end to end they give the total length.",
        r.choice([f"{v}\\text{{ {unit}}}", f"{v}\\text{{ {word}}}", f"{v}", f"{v} \\mbox{{ {word}}}"]),
        [
            str(v),
            f"{v}\\text{{ {unit}}}",
            f"{v} \\, \\text{{{unit}}}",
            f"{v} \\text{{ {word}}}",
            Plain(f"{v} {word}"),
            f"{v}\\,\\mathrm{{{unit}}}",
            f"{v}.0 \\text{{ {unit}}}",
        ],
        [
            f"{v + 1}\\text{{ {unit}}}",
            f"{v - a} \\text{{ {word}}}",
            f"{v * 10}\\text{{ {unit}}}",
            Plain(f"{v + b} {word}"),
            str(a + b) if a + b != v else str(v + 1),
        ],
    )


def number_base(r: Random) -> Item:
    base, n = r.choice([2, 3, 4, 5, 6, 7, 8, 9]), r.randint(20, 200)

    def write(n: int) -> str:
        return (write(n // base) if n >= base else "") + str(n % base)

    digits = write(n)
    return Item(
        f"We divide ${n}$ by ${base}$ again and again and collect the remainders. Read from the last to the first, they are the digits.",
        r.choice([f"{digits}_{base}", f"{digits}_{base}", f"{digits}_{{{base}}}"]),
        [f"{digits}_{base}", f"{digits}_{{{base}}}", f"{digits}_{base}", f"{n}_{{10}} = {digits}_{base}"],
        [
            f"{write(n + 1)}_{base}",
            f"{write(n - 1)}_{{{base}}}",
            f"{write(n + base)}_{base}",
            f"{digits}0_{base}",
            f"{digits}_{{{base + 1}}}",
            f"{digits[:-1]}_{base}",
        ],
        [digits],
    )


def ratio(r: Random) -> Item:
    a, b = r.choice([(2, 3), (3, 4), (4, 9), (5, 8), (3, 7), (5, 12)])
    return Item(
        f"The two similar triangles have sides ${2 * a}$ and ${2 * b}$. We divide both by their common factor.",
        frac(Fraction(a, b)),
        [frac(Fraction(a, b)), f"{a}/{b}", f"\\frac{{{2 * a}}}{{{2 * b}}}", Plain(f"{a}/{b}")],
        [
            frac(Fraction(b, a)),
            f"{b}/{a}",
            frac(Fraction(a * a, b * b)),
            frac(Fraction(a, b + 1)),
            Ending(f"So the answer is $\\boxed{{{b}:{a}}}$."),
        ],
        [f"{a}:{b}"],
    )
