"""MATH-style answers that are one number: how it is written, and how it goes wrong."""

from fractions import Fraction
from math import comb, factorial, log, pi, sqrt
from random import Random

from .notation import Ending, Item, Plain, decimal, frac, reduced, slash, squarefree, terminates


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
        [frac(1 / v), f"-{frac(v)}", frac(v + Fraction(1, d)), frac(Fraction(n, d + 1)), frac(1 - v) if v != Fraction(1, 2) else "1", str(n), Plain(slash(1 / v))],
        [] if terminates(v) else [decimal(v, 2), decimal(v, 4), Plain(decimal(v, 3))],
    )


def negative_fraction(r: Random) -> Item:
    v = reduced(r, den=(2, 9))
    n, d = v.numerator, v.denominator
    right = [f"-\\frac{{{n}}}{{{d}}}", f"\\frac{{-{n}}}{{{d}}}", f"\\frac{{{n}}}{{-{d}}}", f"-{n}/{d}", f"-\\dfrac{{{n}}}{{{d}}}", Plain(f"-{n}/{d}")]
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
    right = [f"{whole}{p}", f"{whole} {p}", frac(v), slash(v), f"{whole}\\dfrac{{{part.numerator}}}{{{part.denominator}}}", f"{whole} + {p}"]
    right += [decimal(v)] * terminates(v)
    return Item(
        f"Adding the lengths, we get ${frac(v)}$ feet as an improper fraction. It only remains to write this as the question wants it.",
        r.choice([f"{whole}{p}", f"{whole}{p}", f"{whole} {p}", frac(v)]),
        right,
        [f"{whole + 1}{p}", frac(whole * part), f"{whole}{frac(1 - part)}" if part != Fraction(1, 2) else str(whole), frac(1 / v), f"-{whole}{p}", p],
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
        [decimal(v * 10), decimal(v / 10), decimal(v + Fraction(1, 100)), f"-{text}", text[:-1] if text[-2] != "." else str(int(v) + 1), Plain(decimal(v + Fraction(1, 10)))],
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
            [f"{base}^{{{k - 1}}}", str(value - 1), str(base * k), f"{k}^{base}" if k**base != value else "1", str(value + base), f"{base}^{{{k + 1}}}"],
        )
    return Item(
        f"A negative exponent means the reciprocal, so ${base}^{{-{k}}}$ is one over ${base}^{{{k}}}$. We compute the power.",
        f"\\frac{{1}}{{{value}}}",
        [f"\\frac{{1}}{{{value}}}", f"{base}^{{-{k}}}", f"\\frac{{1}}{{{base}^{{{k}}}}}", f"1/{value}", f"\\dfrac{{1}}{{{value}}}"],
        [str(value), f"-\\frac{{1}}{{{value}}}", f"-{value}", f"{base}^{{{k}}}", f"\\frac{{1}}{{{base * k}}}", f"\\frac{{1}}{{{value + 1}}}"],
    )


def scientific(r: Random) -> Item:
    digits, k = r.choice([12, 15, 24, 32, 45, 64, 72, 96]), r.randint(3, 7)
    m, value = decimal(Fraction(digits, 10)), digits * 10 ** (k - 1)
    return Item(
        f"We multiply the leading factors and add the exponents of ten. Then we shift the decimal point, so that the first factor is ${m}$.",
        f"{m} \\times 10^{{{k}}}" if r.random() < 0.5 else f"{m} \\times 10^{k}",
        [f"{m} \\times 10^{{{k}}}", f"{m} \\cdot 10^{k}", str(value), f"{value:,}", f"{digits} \\times 10^{{{k - 1}}}", f"{m}\\times10^{{{k}}}"],
        [f"{m} \\times 10^{{{k + 1}}}", f"{m} \\times 10^{{-{k}}}", str(value * 10), f"{decimal(Fraction(digits + 1, 10))} \\times 10^{k}", m],
    )


def radical(r: Random) -> Item:
    k, n = r.randint(2, 9), squarefree(r)
    value = k * sqrt(n)
    return Item(
        f"By the Pythagorean theorem the squared length is ${k * k * n}$. Taking the square root and pulling out the square factor ${k * k}$, we simplify.",
        f"{k}\\sqrt{{{n}}}",
        [f"{k}\\sqrt{{{n}}}", f"\\sqrt{{{k * k * n}}}", f"{k} \\sqrt{{{n}}}", f"{k} \\cdot \\sqrt{{{n}}}", f"\\frac{{{k * n}}}{{\\sqrt{{{n}}}}}", f"\\sqrt{{{n}}} \\cdot {k}"]
        + [f"{k}\\sqrt{n}"] * (n < 10),
        [f"{k + 1}\\sqrt{{{n}}}", f"-{k}\\sqrt{{{n}}}", str(k), f"\\sqrt{{{k * n}}}", f"{k}\\sqrt{{{n + 1}}}", f"{k * k}\\sqrt{{{n}}}", str(k * n)] + [f"{n}\\sqrt{{{k}}}"] * (k != n and n * n * k != k * k * n),
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
            f"\\frac{{{root}}}{{{b}}}", f"\\dfrac{{{short}}}{{{b}}}", f"{root}/{b}", f"\\frac{{1}}{{{b}}}{root}", f"\\frac{{{n}}}{{{b}{root}}}",
            f"\\sqrt{{\\frac{{{n}}}{{{b * b}}}}}", f"\\frac{{{root}}}{b}",
        ],
        [f"\\frac{{{b}}}{{{root}}}", f"\\frac{{{root}}}{{{b + 1}}}", f"-\\frac{{{root}}}{{{b}}}", f"\\frac{{\\sqrt{{{n + 1}}}}}{{{b}}}", root, f"\\frac{{{n}}}{{{b}}}"],
        [f"{sqrt(n) / b:.3f}"],
    )


def radical_sum(r: Random) -> Item:
    a, n = r.randint(1, 7), squarefree(r)
    sign = r.choice(["+", "-"])
    other = "-" if sign == "+" else "+"
    root = f"\\sqrt{{{n}}}"
    right = [f"{a} {sign} {root}", f"{a}{sign}{root}", f"\\frac{{{2 * a} {sign} 2{root}}}{{2}}", f"\\frac{{{2 * a} {sign} \\sqrt{{{4 * n}}}}}{{2}}"]
    right += [f"{root} + {a}"] if sign == "+" else [f"-{root} + {a}"]
    if a * a > n:
        right.append(f"\\frac{{{a * a - n}}}{{{a} {other} {root}}}")
    return Item(
        f"The quadratic formula gives $x = \\frac{{{2 * a} \\pm \\sqrt{{{4 * n}}}}}{{2}}$. We want the {'larger' if sign == '+' else 'smaller'} root and divide by $2$.",
        f"{a}{sign}{root}" if r.random() < 0.5 else f"{a} {sign} {root}",
        right,
        [f"{a} {other} {root}", f"{a} {sign} 2{root}", f"{2 * a} {sign} {root}", f"{n} {sign} \\sqrt{{{a}}}" if a != n else f"{a}{root}", f"{a}{root}", f"-{a} {sign} {root}", f"{a} {sign} {n}"],
        name="x",
    )


def pi_multiple(r: Random) -> Item:
    radius = r.randint(2, 12)
    if r.random() < 0.6:
        area = radius * radius
        return Item(
            f"The circle has radius ${radius}$. Its area is $\\pi r^2$, so we square the radius.",
            f"{area}\\pi",
            [f"{area}\\pi", f"{area} \\pi", f"\\pi \\cdot {area}", f"{radius}^2\\pi", f"\\pi ({radius})^2", Plain(f"{area}π"), f"{area} \\cdot \\pi"],
            [str(area), f"{2 * radius}\\pi" if radius != 2 else "8\\pi", f"{area}\\pi^2", f"{area + 1}\\pi", f"\\frac{{{area}}}{{\\pi}}", f"{radius}\\pi"],
            [f"{area * pi:.2f}", f"{area * 3.14:.2f}"],
        )
    v = reduced(r, 1, 9, (2, 8))
    n, d = v.numerator, v.denominator
    top = "\\pi" if n == 1 else f"{n}\\pi"
    return Item(
        f"The arc is ${frac(v)}$ of half a turn, and half a turn is $\\pi$ radians. Hence we multiply.",
        f"\\frac{{{top}}}{{{d}}}",
        [f"\\frac{{{top}}}{{{d}}}", f"{frac(v)}\\pi", f"\\dfrac{{{top}}}{{{d}}}", f"{top}/{d}", f"\\frac{{{n} \\pi}}{{{d}}}", f"\\frac{{{2 * n}\\pi}}{{{2 * d}}}"],
        [f"\\frac{{{d}\\pi}}{{{n}}}", f"-\\frac{{{top}}}{{{d}}}", frac(v), f"\\frac{{{top}}}{{{d + 1}}}", f"\\frac{{{n + 1}\\pi}}{{{d}}}", f"\\frac{{{n}}}{{{d}\\pi}}"],
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


def percent(r: Random) -> Item:
    v = r.choice([12, 15, 20, 24, 25, 36, 40, 45, 60, 75, 80, 150])
    ref = r.choice([f"{v}\\%", f"{v}\\%", f"{v}"])
    return Item(
        f"The price rises by ${v}$ on every hundred dollars. We compare the change with the original price to get the percentage.",
        ref,
        [f"{v}\\%", f"{v} \\%", Plain(f"{v}%"), f"{v}\\text{{ percent}}", Plain(f"{v} percent"), f"{v}", f"{v}.0\\%"],
        [f"{100 - v if v != 50 else 5}\\%", f"{v + 5}\\%", f"{v * 10}\\%", Plain(f"{v - 1}%"), f"-{v}\\%", f"{decimal(Fraction(v, 10))}\\%"],
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
        f"We add the tax to the price and round to the cent. Each of the parts is an exact number of cents here.",
        r.choice([f"\\${text}", f"\\${text}", text, f"\\$ {text}"]),
        [f"\\${text}", text, f"\\${cents}", Plain(f"${text}"), f"{text}\\text{{ dollars}}", Plain(f"{text} dollars"), f"\\$ {text}"],
        [f"\\${float(v) + 0.1:.2f}", f"\\${float(v) * 10:.2f}", f"\\${float(v) + 1:.2f}", Plain(f"${float(v) + 0.5:.2f}"), f"{float(v) * 2 + 1:.2f}", f"\\${int(v) + 2}"],
    )


def units(r: Random) -> Item:
    a, b = r.randint(3, 14), r.randint(2, 11)
    v, unit, word = a * b, *r.choice([("cm", "centimeters"), ("m", "meters"), ("ft", "feet"), ("in", "inches")])
    if r.random() < 0.5:
        return Item(
            f"The rectangle has sides ${a}$ and ${b}$. Its area is the product of the two.",
            r.choice([f"{v}\\text{{ {unit}}}^2", f"{v} \\text{{ {unit}}}^2", f"{v}", f"{v}\\text{{ square {word}}}"]),
            [str(v), f"{v}\\text{{ {unit}}}^2", f"{v} \\, \\text{{{unit}}}^2", f"{v}\\ \\mathrm{{{unit}}}^2", f"{v} \\text{{ square {word}}}", Plain(f"{v} square {word}"), f"{v} \\text{{ {unit}}}^{{2}}"],
            [f"{2 * (a + b)}\\text{{ {unit}}}^2" if 2 * (a + b) != v else str(v + 1), str(v + 2), f"{v + a}\\text{{ {unit}}}^2", f"{v * 10} \\text{{ {unit}}}^2", Plain(f"{v - 1} square {word}"), f"{a + b}"],
            [f"{v}\\text{{ {unit}}}"],
        )
    return Item(
        f"There are ${b}$ pieces, each ${a}$ {word} long. Laid end to end they give the total length.",
        r.choice([f"{v}\\text{{ {unit}}}", f"{v}\\text{{ {word}}}", f"{v}", f"{v} \\mbox{{ {word}}}"]),
        [str(v), f"{v}\\text{{ {unit}}}", f"{v} \\, \\text{{{unit}}}", f"{v} \\text{{ {word}}}", Plain(f"{v} {word}"), f"{v}\\,\\mathrm{{{unit}}}", f"{v}.0 \\text{{ {unit}}}"],
        [f"{v + 1}\\text{{ {unit}}}", f"{v - a} \\text{{ {word}}}", f"{v * 10}\\text{{ {unit}}}", Plain(f"{v + b} {word}"), str(a + b) if a + b != v else str(v + 1)],
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
        [f"{write(n + 1)}_{base}", f"{write(n - 1)}_{{{base}}}", f"{write(n + base)}_{base}", f"{digits}0_{base}", f"{digits}_{{{base + 1}}}", f"{digits[:-1]}_{base}"],
        [digits],
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
        [str(value), f"\\binom{{{n}}}{{{k}}}", f"\\binom{{{n}}}{{{n - k}}}", f"\\dbinom{{{n}}}{{{k}}}", f"\\frac{{{n}!}}{{{k}!{n - k}!}}", f"\\frac{{{n}!}}{{{k}! \\cdot {n - k}!}}"],
        [f"\\binom{{{n}}}{{{other}}}", f"\\frac{{{n}!}}{{{n - k}!}}", str(value + 1), f"\\binom{{{n + 1}}}{{{k}}}", str(n * k) if n * k != value else "1", f"{n}^{k}"],
    )


def logarithm(r: Random) -> Item:
    a, b, k = r.choice([2, 3, 5]), r.choice([7, 11, 13]), r.randint(2, 4)
    if r.random() < 0.5:
        return Item(
            f"Taking logarithms of ${a}^x = {b}$ on both sides, we find that $x$ is a quotient of two logarithms.",
            r.choice([f"\\log_{a} {b}", f"\\log_{{{a}}} {b}", f"\\frac{{\\ln {b}}}{{\\ln {a}}}"]),
            [f"\\log_{a} {b}", f"\\log_{{{a}}}({b})", f"\\frac{{\\ln {b}}}{{\\ln {a}}}", f"\\frac{{\\log {b}}}{{\\log {a}}}", f"\\log_{{{a}}}{{{b}}}", f"\\frac{{\\ln({b})}}{{\\ln({a})}}"],
            [f"\\log_{{{b}}} {a}", f"\\frac{{\\ln {a}}}{{\\ln {b}}}", f"\\log_{a} {b + 1}", frac(Fraction(b, a)), f"\\ln {b}", f"-\\log_{a} {b}"],
            name="x",
        )
    return Item(
        f"The integral of $\\frac{{1}}{{x}}$ from $1$ to ${a**k}$ is the natural logarithm of ${a**k}$, which can be written with a smaller argument.",
        r.choice([f"{k}\\ln {a}", f"\\ln {a**k}", f"{k} \\ln {a}"]),
        [f"{k}\\ln {a}", f"\\ln {a**k}", f"\\ln({a**k})", f"{k} \\ln({a})", f"\\ln({a}^{k})", f"{k} \\cdot \\ln {a}"],
        [f"{k + 1}\\ln {a}", f"\\ln {a * k + 1}", f"\\ln {a}", f"-{k}\\ln {a}", str(a**k), f"{a}\\ln {k}" if a != k and a**k != k**a else str(k)],
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
        [text, f"{sign}{bare.replace('frac', 'dfrac')}", f"{sign}\\frac{{\\sqrt{n}}}{{2}}", f"{sign}\\frac{{{n}}}{{2\\sqrt{{{n}}}}}", f"{sign}\\sqrt{{{n}}}/2"] + ([f"{sign}\\frac{{1}}{{\\sqrt{{2}}}}"] if n == "2" else [f"{sign}\\frac{{1}}{{2}}\\sqrt{{3}}"]),
        [bare if sign else "-" + bare, f"{sign}\\frac{{1}}{{2}}", f"{sign}\\frac{{\\sqrt{{{5 - int(n)}}}}}{{2}}", f"{sign}\\sqrt{{{n}}}", "1", f"{sign}\\frac{{\\sqrt{{{n}}}}}{{3}}"],
        [str(approx)],
    )


def ratio(r: Random) -> Item:
    a, b = r.choice([(2, 3), (3, 4), (4, 9), (5, 8), (3, 7), (5, 12)])
    return Item(
        f"The two similar triangles have sides ${2 * a}$ and ${2 * b}$. We divide both by their common factor.",
        frac(Fraction(a, b)),
        [frac(Fraction(a, b)), f"{a}/{b}", f"\\frac{{{2 * a}}}{{{2 * b}}}", Plain(f"{a}/{b}")],
        [frac(Fraction(b, a)), f"{b}/{a}", frac(Fraction(a * a, b * b)), frac(Fraction(a, b + 1)), Ending(f"So the answer is $\\boxed{{{b}:{a}}}$.")],
        [f"{a}:{b}"],
    )


FAMILIES = [
    (integer, 24), (negative_integer, 16), (large_integer, 24), (fraction, 44), (negative_fraction, 20), (mixed_number, 22), (decimal_number, 24),
    (power, 20), (scientific, 16), (radical, 32), (radical_fraction, 24), (radical_sum, 24), (pi_multiple, 28), (complex_number, 24),
    (percent, 24), (degrees, 24), (currency, 24), (units, 32), (number_base, 20), (factorial_number, 16), (binomial, 16), (logarithm, 20),
    (trigonometric_value, 16), (ratio, 8),
]  # fmt: skip
