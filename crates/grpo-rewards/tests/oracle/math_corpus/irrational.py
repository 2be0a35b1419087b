"""MATH-style answers with radicals, pi, i, logarithms and trigonometric functions."""

from fractions import Fraction
from math import log, pi, sqrt
from random import Random

from .notation import Item, Plain, frac, reduced, squarefree


def radical(r: Random) -> Item:
    k, n = r.randint(2, 9), squarefree(r)
    value = k * sqrt(n)
    return Item(
        f"By the Pythagorean theorem the squared length is ${k * k * n}$. Taking the square root and pulling out the square factor ${k * k}$, we simplify.",
        f"{k}\\sqrt{{{n}}}",
        [
            f"{k}\\sqrt{{{n}}}",
            f"\\sqrt{{{k * k * n}}}",
            f"{k} \\sqrt{{{n}}}",
            f"{k} \\cdot \\sqrt{{{n}}}",
            f"\\frac{{{k * n}}}{{\\sqrt{{{n}}}}}",
            f"\\sqrt{{{n}}} \\cdot {k}",
        ]
        + [f"{k}\\sqrt{n}"] * (n < 10),
        [
            f"{k + 1}\\sqrt{{{n}}}",
            f"-{k}\\sqrt{{{n}}}",
            str(k),
            f"\\sqrt{{{k * n}}}",
            f"{k}\\sqrt{{{n + 1}}}",
            f"{k * k}\\sqrt{{{n}}}",
            str(k * n),
        ]
        + [f"{n}\\sqrt{{{k}}}"] * (k != n and n * n * k != k * k * n),
        [f"{value:.2f}", f"{value:.6f}", f"\\approx {value:.2f}", f"{k}\\sqrt{{{n}}} \\approx {value:.2f}"],
    )


def radical_fraction(r: Random) -> Item:
    n = squarefree(r)
    b = r.choice([b for b in (2, 3, 4, 5, 6) if b != n])
    short = f"\\sqrt{n}" if n < 10 else f"\\sqrt{{{n}}}"
    root = f"\\sqrt{{{n}}}"
    return Item(
        f"The ratio of the sides is ${n}$ to ${b}{root}$. We rationalize the denominator by multiplying above and below with ${root}$.",
        r.choice([f"\\frac{{{root}}}{{{b}}}", f"\\frac{{{short}}}{{{b}}}", f"\\dfrac{{{root}}}{{{b}}}"]),
        [
            f"\\frac{{{root}}}{{{b}}}",
            f"\\dfrac{{{short}}}{{{b}}}",
            f"{root}/{b}",
            f"\\frac{{1}}{{{b}}}{root}",
            f"\\frac{{{n}}}{{{b}{root}}}",
            f"\\sqrt{{\\frac{{{n}}}{{{b * b}}}}}",
            f"\\frac{{{root}}}{b}",
        ],
        [
            f"\\frac{{{b}}}{{{root}}}",
            f"\\frac{{{root}}}{{{b + 1}}}",
            f"-\\frac{{{root}}}{{{b}}}",
            f"\\frac{{\\sqrt{{{n + 1}}}}}{{{b}}}",
            root,
            f"\\frac{{{n}}}{{{b}}}",
        ],
        [f"{sqrt(n) / b:.3f}"],
    )


def radical_sum(r: Random) -> Item:
    a, n = r.randint(1, 7), squarefree(r)
    sign = r.choice(["+", "-"])
    other = "-" if sign == "+" else "+"
    root = f"\\sqrt{{{n}}}"
    right = [
        f"{a} {sign} {root}",
        f"{a}{sign}{root}",
        f"\\frac{{{2 * a} {sign} 2{root}}}{{2}}",
        f"\\frac{{{2 * a} {sign} \\sqrt{{{4 * n}}}}}{{2}}",
    ]
    right += [f"{root} + {a}"] if sign == "+" else [f"-{root} + {a}"]
    if a * a > n:
        right.append(f"\\frac{{{a * a - n}}}{{{a} {other} {root}}}")
    return Item(
        f"The quadratic formula gives $x = \\frac{{{2 * a} \\pm \\sqrt{{{4 * n}}}}}{{2}}$. We want the {'larger' if sign == '+' else 'smaller'} root and divide by $2$.",
        f"{a}{sign}{root}" if r.random() < 0.5 else f"{a} {sign} {root}",
        right,
        [
            f"{a} {other} {root}",
            f"{a} {sign} 2{root}",
            f"{2 * a} {sign} {root}",
            f"{n} {sign} \\sqrt{{{a}}}" if a != n else f"{a}{root}",
            f"{a}{root}",
            f"-{a} {sign} {root}",
            f"{a} {sign} {n}",
        ],
        name="x",
    )


def pi_multiple(r: Random) -> Item:
    radius = r.randint(2, 12)
    if r.random() < 0.6:
        area = radius * radius
        return Item(
            f"The circle has radius ${radius}$. Its area is $\\pi r^2$, so we square the radius.",
            f"{area}\\pi",
            [
                f"{area}\\pi",
                f"{area} \\pi",
                f"\\pi \\cdot {area}",
                f"{radius}^2\\pi",
                f"\\pi ({radius})^2",
                Plain(f"{area}π"),
                f"{area} \\cdot \\pi",
            ],
            [
                str(area),
                f"{2 * radius}\\pi" if radius != 2 else "8\\pi",
                f"{area}\\pi^2",
                f"{area + 1}\\pi",
                f"\\frac{{{area}}}{{\\pi}}",
                f"{radius}\\pi",
            ],
            [f"{area * pi:.2f}", f"{area * 3.14:.2f}"],
        )
    v = reduced(r, 1, 9, (2, 8))
    n, d = v.numerator, v.denominator
    top = "\\pi" if n == 1 else f"{n}\\pi"
    return Item(
        f"The arc is ${frac(v)}$ of half a turn, and half a turn is $\\pi$ radians. Hence we multiply.",
        f"\\frac{{{top}}}{{{d}}}",
        [
            f"\\frac{{{top}}}{{{d}}}",
            f"{frac(v)}\\pi",
            f"\\dfrac{{{top}}}{{{d}}}",
            f"{top}/{d}",
            f"\\frac{{{n} \\pi}}{{{d}}}",
            f"\\frac{{{2 * n}\\pi}}{{{2 * d}}}",
        ],
        [
            f"\\frac{{{d}\\pi}}{{{n}}}",
            f"-\\frac{{{top}}}{{{d}}}",
            frac(v),
            f"\\frac{{{top}}}{{{d + 1}}}",
            f"\\frac{{{n + 1}\\pi}}{{{d}}}",
            f"\\frac{{{n}}}{{{d}\\pi}}",
        ],
        [f"{float(v) * pi:.3f}"],
    )


def complex_number(r: Random) -> Item:
    a, b = r.choice([-7, -5, -4, -2, 1, 2, 3, 4, 6, 8]), r.choice([-6, -5, -3, -2, -1, 2, 3, 4, 5, 7])
    if a == b:
        a += 1

    def write(x: int, y: int) -> str:
        return f"{x} {'+' if y > 0 else '-'} {'' if abs(y) == 1 else abs(y)}i"

    size = "" if abs(b) == 1 else str(abs(b))
    swapped = f"{'-' if b < 0 else ''}{size}i {'+' if a > 0 else '-'} {abs(a)}"
    return Item(
        f"We expand the product and replace $i^2$ by $-1$. The real parts add up to ${a}$; it remains to collect the imaginary ones.",
        write(a, b).replace(" ", "") if r.random() < 0.5 else write(a, b),
        [write(a, b), write(a, b).replace(" ", ""), swapped, Plain(write(a, b)), f"\\frac{{{write(2 * a, 2 * b)}}}{{2}}", write(a, b)],
        [write(a, -b), write(-a, b), write(b, a), str(a + b), write(a, b + 1 if b != -1 else -2), f"{abs(b)}i", write(a + 1, b)],
        name=r.choice([None, "z"]),
    )


def logarithm(r: Random) -> Item:
    a, b, k = r.choice([2, 3, 5]), r.choice([7, 11, 13]), r.randint(2, 4)
    if r.random() < 0.5:
        return Item(
            f"Taking logarithms of ${a}^x = {b}$ on both sides, we find that $x$ is a quotient of two logarithms.",
            r.choice([f"\\log_{a} {b}", f"\\log_{{{a}}} {b}", f"\\frac{{\\ln {b}}}{{\\ln {a}}}"]),
            [
                f"\\log_{a} {b}",
                f"\\log_{{{a}}}({b})",
                f"\\frac{{\\ln {b}}}{{\\ln {a}}}",
                f"\\frac{{\\log {b}}}{{\\log {a}}}",
                f"\\log_{{{a}}}{{{b}}}",
                f"\\frac{{\\ln({b})}}{{\\ln({a})}}",
            ],
            [
                f"\\log_{{{b}}} {a}",
                f"\\frac{{\\ln {a}}}{{\\ln {b}}}",
                f"\\log_{a} {b + 1}",
                frac(Fraction(b, a)),
                f"\\ln {b}",
                f"-\\log_{a} {b}",
            ],
            name="x",
        )
    return Item(
        f"The integral of $\\frac{{1}}{{x}}$ from $1$ to ${a**k}$ is the natural logarithm of ${a**k}$, which can be written with a smaller argument.",
        r.choice([f"{k}\\ln {a}", f"\\ln {a**k}", f"{k} \\ln {a}"]),
        [f"{k}\\ln {a}", f"\\ln {a**k}", f"\\ln({a**k})", f"{k} \\ln({a})", f"\\ln({a}^{k})", f"{k} \\cdot \\ln {a}"],
        [
            f"{k + 1}\\ln {a}",
            f"\\ln {a * k + 1}",
            f"\\ln {a}",
            f"-{k}\\ln {a}",
            str(a**k),
            f"{a}\\ln {k}" if a != k and a**k != k**a else str(k),
        ],
        [f"{k * log(a):.3f}"],
    )


def trigonometric_value(r: Random) -> Item:
    angle, sine, text, approx = r.choice(
        [
            ("60^\\circ", "\\sin", "\\frac{\\sqrt{3}}{2}", 0.866),
            ("30^\\circ", "\\cos", "\\frac{\\sqrt{3}}{2}", 0.866),
            ("45^\\circ", "\\sin", "\\frac{\\sqrt{2}}{2}", 0.7071),
            ("135^\\circ", "\\cos", "-\\frac{\\sqrt{2}}{2}", -0.7071),
            ("240^\\circ", "\\sin", "-\\frac{\\sqrt{3}}{2}", -0.866),
        ]
    )
    bare, sign = text.lstrip("-"), "-" if text[0] == "-" else ""
    n = "3" if "3" in text else "2"
    return Item(
        f"We place the angle ${angle}$ on the unit circle and look at the reference triangle. The {'ordinate' if sine == chr(92) + 'sin' else 'abscissa'} of the point is ${sine} {angle}$.",
        text,
        [
            text,
            f"{sign}{bare.replace('frac', 'dfrac')}",
            f"{sign}\\frac{{\\sqrt{n}}}{{2}}",
            f"{sign}\\frac{{{n}}}{{2\\sqrt{{{n}}}}}",
            f"{sign}\\sqrt{{{n}}}/2",
        ]
        + ([f"{sign}\\frac{{1}}{{\\sqrt{{2}}}}"] if n == "2" else [f"{sign}\\frac{{1}}{{2}}\\sqrt{{3}}"]),
        [
            bare if sign else "-" + bare,
            f"{sign}\\frac{{1}}{{2}}",
            f"{sign}\\frac{{\\sqrt{{{5 - int(n)}}}}}{{2}}",
            f"{sign}\\sqrt{{{n}}}",
            "1",
            f"{sign}\\frac{{\\sqrt{{{n}}}}}{{3}}",
        ],
        [str(approx)],
    )
