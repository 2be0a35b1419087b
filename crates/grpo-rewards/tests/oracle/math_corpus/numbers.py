"""MATH-style answers that are one rational number: how it is written, and how it goes wrong."""

from fractions import Fraction
from math import comb, factorial
from random import Random

from .notation import Item, Plain, decimal, frac, reduced, slash, terminates


def integer(r: Random) -> Item:
    n, k = r.randint(5, 12), r.randint(2, 4)
    value = comb(n, k)
    digits = str(value)
    return Item(
        f"We choose {k} of the {n} points, and the order does not matter. There are $\\binom{{{n}}}{{{k}}}$ such choices, and we compute this number.",
        digits,
        [digits, Plain(digits), f"\\binom{{{n}}}{{{k}}} = {value}", f"{value}.", Plain(digits)],
        [str(value + 1), str(value - 1), str(value * factorial(k)), Plain(str(value + 10)), str(comb(n, k - 1)), "-" + digits],
    )


def negative_integer(r: Random) -> Item:
    a, b, c = r.randint(2, 9), r.randint(10, 40), r.randint(2, 9)
    value = -a * c
    return Item(
        f"We subtract ${b}$ from both sides of ${a}x + {b} = {a * value + b}$ and get ${a}x = {a * value}$. Dividing by ${a}$ gives the value of $x$.",
        str(value),
        [str(value), Plain(str(value)), f"x = {value}", f"-{a * c}", f"- {a * c}"],
        [str(-value), str(value - 1), str(value + b), f"x = {-value}", Plain(str(-value))],
        name="x",
    )


def large_integer(r: Random) -> Item:
    a, b = r.randint(21, 98), r.randint(112, 980)
    value = a * b
    text = f"{value:,}"
    return Item(
        f"There are ${a}$ rows with ${b}$ lattice points each. Multiplying, we find the number of points.",
        r.choice([str(value), text, text.replace(",", "{,}"), text.replace(",", ",\\!")]),
        [str(value), text, text.replace(",", "{,}"), text.replace(",", "\\,"), text.replace(",", ",\\!"), Plain(text), Plain(str(value))],
        [str(value + 10), f"{value - 100:,}", text[:-1], f"{value * 10:,}", Plain(f"{value + a:,}"), f"{value - b:,}".replace(",", "{,}")],
    )


def fraction(r: Random) -> Item:
    v = reduced(r)
    k = r.randint(2, 5)
    n, d = v.numerator, v.denominator
    right = [frac(v), frac(v, "\\dfrac"), frac(v, "\\tfrac"), slash(v), Plain(slash(v)), f"\\frac{{{n * k}}}{{{d * k}}}", f"{n}/{d}"]
    right += [f"\\frac{n}{d}"] * (n < 10 and d < 10)
    right += [decimal(v), Plain(decimal(v))] * terminates(v)
    if v < 1:
        story = f"There are ${d * k}$ equally likely outcomes, and ${n * k}$ of them are favorable. The probability is their quotient, which we simplify."
    else:
        story = f"The larger segment has length ${n * k}$ and the smaller one ${d * k}$. The ratio of their lengths is a fraction that we simplify."
    return Item(
        story,
        frac(v, r.choice(["\\frac", "\\frac", "\\dfrac"])) if r.random() < 0.9 else slash(v),
        right,
        [
            frac(1 / v),
            f"-{frac(v)}",
            frac(v + Fraction(1, d)),
            frac(Fraction(n, d + 1)),
            frac(1 - v) if v != Fraction(1, 2) else "1",
            str(n),
            Plain(slash(1 / v)),
        ],
        [] if terminates(v) else [decimal(v, 2), decimal(v, 4), Plain(decimal(v, 3))],
    )


def negative_fraction(r: Random) -> Item:
    v = reduced(r, den=(2, 9))
    n, d = v.numerator, v.denominator
    right = [
        f"-\\frac{{{n}}}{{{d}}}",
        f"\\frac{{-{n}}}{{{d}}}",
        f"\\frac{{{n}}}{{-{d}}}",
        f"-{n}/{d}",
        f"-\\dfrac{{{n}}}{{{d}}}",
        Plain(f"-{n}/{d}"),
    ]
    right += [decimal(-v)] * terminates(v)
    return Item(
        f"The slope is the change in $y$ over the change in $x$. Here $y$ falls by ${n}$ while $x$ grows by ${d}$.",
        f"-\\frac{{{n}}}{{{d}}}",
        right,
        [frac(v), f"-\\frac{{{d}}}{{{n}}}", f"-\\frac{{{n + 1}}}{{{d}}}", f"\\frac{{-{n}}}{{-{d}}}", Plain(f"{n}/{d}"), f"-{n}"],
        name="m",
    )


def mixed_number(r: Random) -> Item:
    whole, part = r.randint(1, 9), reduced(r, 1, 8, (2, 9))
    part = part - int(part) if part > 1 else part
    v = whole + part
    p = frac(part)
    right = [
        f"{whole}{p}",
        f"{whole} {p}",
        frac(v),
        slash(v),
        f"{whole}\\dfrac{{{part.numerator}}}{{{part.denominator}}}",
        f"{whole} + {p}",
    ]
    right += [decimal(v)] * terminates(v)
    return Item(
        f"Adding the lengths, we get ${frac(v)}$ feet as an improper fraction. It only remains to write this as the question wants it.",
        r.choice([f"{whole}{p}", f"{whole}{p}", f"{whole} {p}", frac(v)]),
        right,
        [
            f"{whole + 1}{p}",
            frac(whole * part),
            f"{whole}{frac(1 - part)}" if part != Fraction(1, 2) else str(whole),
            frac(1 / v),
            f"-{whole}{p}",
            p,
        ],
        [decimal(v, 2)] * (not terminates(v)),
    )


def decimal_number(r: Random) -> Item:
    v = Fraction(r.choice([1, 3, 7, 9, 11, 13, 27, 33, 51, 87, 125, 213]), r.choice([8, 20, 25, 40, 50]))
    text = decimal(v)
    right = [text, text + "0", frac(v), Plain(text), slash(v)] + [text.lstrip("0")] * (v < 1)
    return Item(
        f"We divide ${v.numerator}$ by ${v.denominator}$. Carrying out the long division, the remainder becomes zero after a few places.",
        text,
        right,
        [
            decimal(v * 10),
            decimal(v / 10),
            decimal(v + Fraction(1, 100)),
            f"-{text}",
            text[:-1] if text[-2] != "." else str(int(v) + 1),
            Plain(decimal(v + Fraction(1, 10))),
        ],
        [f"{decimal(v * 100)}\\%"],
    )


def power(r: Random) -> Item:
    base, k = r.choice([(2, 8), (2, 10), (3, 4), (3, 6), (5, 4), (2, 12), (4, 3), (6, 3), (7, 3)])
    value = base**k
    if r.random() < 0.5:
        return Item(
            f"Each of the ${k}$ switches can be set in ${base}$ ways, and the choices are independent. By the multiplication principle we get the number of settings.",
            r.choice([f"{base}^{k}" if k < 10 else f"{base}^{{{k}}}", str(value)]),
            [str(value), f"{base}^{{{k}}}", f"{base}^{{{k}}} = {value}", f"{base} \\cdot {base}^{{{k - 1}}}", f"{value:,}"],
            [
                f"{base}^{{{k - 1}}}",
                str(value - 1),
                str(base * k),
                f"{k}^{base}" if k**base != value else "1",
                str(value + base),
                f"{base}^{{{k + 1}}}",
            ],
        )
    return Item(
        f"A negative exponent means the reciprocal, so ${base}^{{-{k}}}$ is one over ${base}^{{{k}}}$. We compute the power.",
        f"\\frac{{1}}{{{value}}}",
        [f"\\frac{{1}}{{{value}}}", f"{base}^{{-{k}}}", f"\\frac{{1}}{{{base}^{{{k}}}}}", f"1/{value}", f"\\dfrac{{1}}{{{value}}}"],
        [
            str(value),
            f"-\\frac{{1}}{{{value}}}",
            f"-{value}",
            f"{base}^{{{k}}}",
            f"\\frac{{1}}{{{base * k}}}",
            f"\\frac{{1}}{{{value + 1}}}",
        ],
    )


def scientific(r: Random) -> Item:
    digits, k = r.choice([12, 15, 24, 32, 45, 64, 72, 96]), r.randint(3, 7)
    m, value = decimal(Fraction(digits, 10)), digits * 10 ** (k - 1)
    return Item(
        f"We multiply the leading factors and add the exponents of ten. Then we shift the decimal point, so that the first factor is ${m}$.",
        f"{m} \\times 10^{{{k}}}" if r.random() < 0.5 else f"{m} \\times 10^{k}",
        [
            f"{m} \\times 10^{{{k}}}",
            f"{m} \\cdot 10^{k}",
            str(value),
            f"{value:,}",
            f"{digits} \\times 10^{{{k - 1}}}",
            f"{m}\\times10^{{{k}}}",
        ],
        [
            f"{m} \\times 10^{{{k + 1}}}",
            f"{m} \\times 10^{{-{k}}}",
            str(value * 10),
            f"{decimal(Fraction(digits + 1, 10))} \\times 10^{k}",
            m,
        ],
    )


def factorial_number(r: Random) -> Item:
    n = r.randint(4, 8)
    value = factorial(n)
    return Item(
        f"The ${n}$ books can be arranged in any order. For the first place there are ${n}$ choices, then ${n - 1}$, and so on.",
        r.choice([str(value), f"{n}!", f"{value:,}"]),
        [str(value), f"{n}!", f"{n}! = {value}", f"{n} \\cdot {n - 1}!", f"{value:,}"],
        [f"{n - 1}!", str(value // 2), f"{n + 1}!", str(n * n), str(value + n), f"2^{n}" if 2**n != value else "1"],
    )


def binomial(r: Random) -> Item:
    n, k = r.randint(6, 12), r.randint(2, 4)
    value = comb(n, k)
    other = next(j for j in (k - 1, k + 1) if comb(n, j) != value)
    return Item(
        f"A committee of ${k}$ out of ${n}$ members is a subset, so that the order does not count.",
        f"\\binom{{{n}}}{{{k}}}" if r.random() < 0.6 else str(value),
        [
            str(value),
            f"\\binom{{{n}}}{{{k}}}",
            f"\\binom{{{n}}}{{{n - k}}}",
            f"\\dbinom{{{n}}}{{{k}}}",
            f"\\frac{{{n}!}}{{{k}!{n - k}!}}",
            f"\\frac{{{n}!}}{{{k}! \\cdot {n - k}!}}",
        ],
        [
            f"\\binom{{{n}}}{{{other}}}",
            f"\\frac{{{n}!}}{{{n - k}!}}",
            str(value + 1),
            f"\\binom{{{n + 1}}}{{{k}}}",
            str(n * k) if n * k != value else "1",
            f"{n}^{k}",
        ],
    )
