"""MATH-style answers with unknowns in them: polynomials, factored forms, equations of lines, inequalities."""

from fractions import Fraction
from math import gcd
from random import Random

from .notation import Ending, Item, Plain, factor, frac, polynomial, powers, signed, term, total


def nonzero(r: Random, low: int, high: int, *without: int) -> int:
    return r.choice([n for n in range(low, high + 1) if n != 0 and n not in without])


def quadratic(r: Random) -> Item:
    p, q = nonzero(r, -7, 7), nonzero(r, -7, 7)
    if p + q == 0:
        q = nonzero(r, -7, 7, -p)
    b, c = -(p + q), p * q
    text = polynomial([1, b, c])
    return Item(
        f"Vieta's formulas tell us that the sum of the roots is ${p + q}$ and their product is ${c}$. We want the monic quadratic with these roots.",
        text if r.random() < 0.7 else text.replace(" ", ""),
        [
            text,
            total(list(reversed(powers([1, b, c])))),
            factor(p) + factor(q),
            factor(q) + factor(p),
            text.replace(" ", ""),
            f"x({total([(1, 'x'), (b, '')])}){signed(c)}",
            Plain(text),
            text.replace("x^2", "x^{2}"),
        ],
        [
            polynomial([1, -b, c]),
            polynomial([1, b, -c]),
            polynomial([1, b, c + 1]),
            polynomial([1, b + 1, c]),
            polynomial([2, b, c]),
            polynomial([b, c]),
            Plain(polynomial([1, b, -c])),
        ],
        name="p(x)",
    )


def cubic(r: Random) -> Item:
    a = [nonzero(r, 1, 4), nonzero(r, -6, 6), nonzero(r, -6, 6), nonzero(r, -9, 9)]
    text = polynomial(a)
    swapped = [a[0], a[2], a[1], a[3]]
    return Item(
        "We distribute each term of the first factor over the second one. Collecting like powers of $x$ gives four terms.",
        text,
        [
            text,
            total(list(reversed(powers(a)))),
            text.replace(" ", ""),
            f"x({polynomial(a[:3])}){signed(a[3])}",
            f"x^2({polynomial(a[:2])}){' + ' if a[2] > 0 else ' - '}{term(abs(a[2]), 'x')}{signed(a[3])}",
            text,
        ],
        [
            polynomial([*a[:3], -a[3]]),
            polynomial([a[0], -a[1], *a[2:]]),
            polynomial([*a[:2], a[2] + 1 or 2, a[3]]),
            polynomial([a[0] + 1, *a[1:]]),
            polynomial(a[1:]),
        ]
        + ([polynomial(swapped)] if swapped != a else []),
    )


def factored(r: Random) -> Item:
    p = nonzero(r, -8, 8)
    q = nonzero(r, -8, 8, p, -p)
    f, g = factor(p), factor(q)
    return Item(
        f"We look for two numbers whose product is ${p * q}$ and whose sum is ${-(p + q)}$. They are ${-p}$ and ${-q}$, and this splits the quadratic.",
        (f + g) if r.random() < 0.6 else (f + g).replace(" ", ""),
        [f + g, g + f, f"{f} \\cdot {g}", (f + g).replace(" ", ""), f"{f} {g}", f"\\left{f[:-1]}\\right)\\left{g[:-1]}\\right)"],
        [factor(-p) + factor(-q), factor(-p) + g, f + factor(q + 1), f, f"2{f}{g}", f"{f}^2"],
        [polynomial([1, -(p + q), p * q])],
    )


def squared_binomial(r: Random) -> Item:
    a, b = nonzero(r, 2, 5), nonzero(r, -7, 7)
    inner = total([(a, "x"), (b, "")])
    expanded = polynomial([a * a, 2 * a * b, b * b])
    return Item(
        f"The outer coefficients ${a * a}$ and ${b * b}$ are squares, and the middle one is twice the product of their roots. So this is a perfect square.",
        f"({inner})^2",
        [
            f"({inner})^2",
            f"({inner})({inner})",
            f"({total([(b, ''), (a, 'x')])})^2",
            f"({inner})^{{2}}",
            f"({total([(-a, 'x'), (-b, '')])})^2",
        ],
        [
            f"({total([(a, 'x'), (-b, '')])})^2",
            f"({inner})^3",
            f"({total([(a, 'x'), (b + 10, '')])})^2",
            inner,
            f"({total([(a, 'x'), (-b, '')])})({inner})",
            f"{a}({inner})^2",
        ],
        [expanded],
    )


def difference_of_powers(r: Random) -> Item:
    a, b = r.choice([(2, 3), (3, 5), (4, 1), (5, 2), (1, 7), (3, 4)])
    x, y = term(a, "x"), term(b, "y")
    return Item(
        f"Both terms of ${term(a * a, 'x^2')} - {term(b * b, 'y^2')}$ are squares. A difference of squares splits into a sum and a difference.",
        f"({x} - {y})({x} + {y})",
        [f"({x} - {y})({x} + {y})", f"({x}+{y})({x}-{y})", f"({y} + {x})({x} - {y})", f"({x}+{y}) \\cdot ({x}-{y})"],
        [
            f"({x} - {y})^2",
            f"({x} + {y})^2",
            f"({x} - {y})({y} - {x})",
            f"({term(a, 'x')} - {term(b + 1, 'y')})({x} + {y})",
            f"({y} - {x})({x} + {y})",
        ],
    )


def rational_expression(r: Random) -> Item:
    p = nonzero(r, -6, 6)
    q = nonzero(r, -6, 6, p)
    top, bottom = factor(p)[1:-1], factor(q)[1:-1]
    k = nonzero(r, 2, 5)
    return Item(
        "We factor the numerator and the denominator and cancel the common factor. What remains cannot be simplified further.",
        f"\\frac{{{top}}}{{{bottom}}}",
        [
            f"\\frac{{{top}}}{{{bottom}}}",
            f"\\dfrac{{{top}}}{{{bottom}}}",
            f"\\frac{{{total([(-p, ''), (1, 'x')])}}}{{{bottom}}}",
            f"({top})/({bottom})",
            f"\\frac{{{polynomial([k, -k * p])}}}{{{polynomial([k, -k * q])}}}",
            f"\\frac{{{total([(-1, 'x'), (p, '')])}}}{{{total([(-1, 'x'), (q, '')])}}}",
        ],
        [
            f"\\frac{{{bottom}}}{{{top}}}",
            f"\\frac{{{factor(-p)[1:-1]}}}{{{bottom}}}",
            f"\\frac{{{top}}}{{{factor(-q)[1:-1]}}}",
            f"-\\frac{{{top}}}{{{bottom}}}",
            top,
            frac(Fraction(p, q)),
            f"\\frac{{{top}}}{{{factor(q + 7)[1:-1]}}}",
        ],
    )


def monomial(r: Random) -> Item:
    c, m, n = r.randint(2, 12), r.randint(2, 6), r.randint(1, 5)
    a, b = r.choice([("x", "y"), ("a", "b"), ("m", "n")])

    def power(letter: str, e: int) -> str:
        return letter if e == 1 else f"{letter}^{e}"

    return Item(
        f"We multiply the coefficients and add the exponents of equal bases. The exponent of ${a}$ is ${m}$ and that of ${b}$ is ${n}$.",
        f"{c}{power(a, m)}{power(b, n)}",
        [
            f"{c}{power(a, m)}{power(b, n)}",
            f"{c}{power(b, n)}{power(a, m)}",
            f"{c} {power(a, m)} {power(b, n)}",
            f"{c}{a}^{{{m}}}{b}^{{{n}}}",
            f"{c} \\cdot {power(a, m)} \\cdot {power(b, n)}",
        ],
        [
            f"{c}{power(a, m + 1)}{power(b, n)}",
            f"{c + 1}{power(a, m)}{power(b, n)}",
            f"-{c}{power(a, m)}{power(b, n)}",
            f"{c}{power(a, m)}",
            f"{c}{power(a, n)}{power(b, m)}" if m != n else str(c),
        ],
    )


def linear_form(r: Random) -> Item:
    a, b = nonzero(r, -9, 9), nonzero(r, -9, 9)
    k = nonzero(r, -9, 9)
    x, y = r.choice([("a", "b"), ("x", "y"), ("p", "q"), ("n", "k")])
    text = total([(a, x), (b, y), (k, "")])
    return Item(
        "We remove the parentheses, minding the signs, and collect like terms. There are three terms left.",
        text,
        [text, total([(b, y), (a, x), (k, "")]), total([(k, ""), (a, x), (b, y)]), text.replace(" ", ""), Plain(text), text],
        [
            total([(a, x), (-b, y), (k, "")]),
            total([(a, x), (b, y), (-k, "")]),
            total([(b, x), (a, y), (k, "")]) if a != b else total([(a, x), (k, "")]),
            total([(a, x), (b, y)]),
            total([(a + 10, x), (b, y), (k, "")]),
        ],
    )


def negative_exponent(r: Random) -> Item:
    c, m = r.randint(2, 9), r.randint(2, 5)
    return Item(
        "We subtract the exponents when we divide powers with the same base. The exponent below is larger, so the power ends up in the denominator.",
        f"\\frac{{{c}}}{{x^{m}}}",
        [f"\\frac{{{c}}}{{x^{m}}}", f"{c}x^{{-{m}}}", f"{c}/x^{m}", f"\\dfrac{{{c}}}{{x^{{{m}}}}}", f"{c} \\cdot \\frac{{1}}{{x^{m}}}"],
        [
            f"{c}x^{m}",
            f"\\frac{{x^{m}}}{{{c}}}",
            f"\\frac{{{c}}}{{x^{m + 1}}}",
            f"-\\frac{{{c}}}{{x^{m}}}",
            f"\\frac{{1}}{{{c}x^{m}}}",
            f"{c + 1}x^{{-{m}}}",
        ],
    )


def slope_intercept(r: Random) -> Item:
    m, b = nonzero(r, -6, 6, 1, -1), nonzero(r, -9, 9)
    right = total([(m, "x"), (b, "")])
    return Item(
        f"The line through $(0, {b})$ and $(1, {m + b})$ has slope ${m}$. With the intercept we can write down its equation.",
        f"y = {right}" if r.random() < 0.6 else f"y={right.replace(' ', '')}",
        [
            f"y = {right}",
            f"y={right.replace(' ', '')}",
            f"y = {total([(b, ''), (m, 'x')])}",
            f"{total([(m, 'x'), (-1, 'y'), (b, '')])} = 0",
            f"{right} = y",
            f"y - {term(m, 'x')} = {b}" if m > 0 else f"y + {term(-m, 'x')} = {b}",
            Ending(f"So the equation of the line is $y = {right}$."),
        ],
        [
            f"y = {total([(m, 'x'), (-b, '')])}",
            f"y = {total([(-m, 'x'), (b, '')])}",
            f"y = {total([(b, 'x'), (m, '')])}" if b != m else f"y = {term(m, 'x')}",
            f"y = {total([(m, 'x'), (b + 1, '')])}",
            f"x = {total([(m, 'y'), (b, '')])}",
            f"y = {term(m, 'x')}",
        ],
        [right],
    )


def standard_line(r: Random) -> Item:
    a, b = r.choice([(2, 3), (3, 4), (5, 2), (4, 7), (3, -2), (5, -3), (2, -7)])
    c = nonzero(r, 5, 24)
    left = total([(a, "x"), (b, "y")])
    return Item(
        f"The vector $({a}, {b})$ is normal to the line. Inserting the point that we know gives the constant ${c}$.",
        f"{left} = {c}",
        [
            f"{left} = {c}",
            f"{total([(b, 'y'), (a, 'x')])} = {c}",
            f"{total([(a, 'x'), (b, 'y'), (-c, '')])} = 0",
            f"{total([(2 * a, 'x'), (2 * b, 'y')])} = {2 * c}",
            f"{left}={c}".replace(" ", ""),
            f"y = {frac(Fraction(-a, b))}x {'+' if b > 0 else '-'} {frac(Fraction(c, abs(b)))}",
        ],
        [
            f"{total([(a, 'x'), (-b, 'y')])} = {c}",
            f"{left} = {c + 1}",
            f"{left} = {-c}",
            f"{total([(b, 'x'), (a, 'y')])} = {c}",
            f"{total([(a, 'x'), (b, 'y'), (c, '')])} = 0",
            f"{total([(2 * a, 'x'), (b, 'y')])} = {c}",
        ],
    )


def circle(r: Random) -> Item:
    h, k, s = nonzero(r, -6, 6), nonzero(r, -6, 6), r.randint(2, 9)
    x, y = factor(h), factor(k, "y")
    return Item(
        f"We complete the square in both variables. The center is $({h}, {k})$ and the radius is ${s}$.",
        f"{x}^2 + {y}^2 = {s * s}",
        [
            f"{x}^2 + {y}^2 = {s * s}",
            f"{y}^2 + {x}^2 = {s * s}",
            f"{x}^2+{y}^2={s}^2",
            f"{x}^2 + {y}^2 - {s * s} = 0",
            f"{x}^{{2}} + {y}^{{2}} = {s * s}",
        ],
        [
            f"{factor(-h)}^2 + {factor(-k, 'y')}^2 = {s * s}",
            f"{x}^2 + {y}^2 = {s}",
            f"{x}^2 - {y}^2 = {s * s}",
            f"{x}^2 + {y}^2 = {s * s + 1}",
            f"{factor(k)}^2 + {factor(h, 'y')}^2 = {s * s}" if h != k else f"{x}^2 = {s * s}",
        ],
    )


def function_rule(r: Random) -> Item:
    a, b = nonzero(r, 2, 7), nonzero(r, -8, 8)
    rule = f"\\frac{{{total([(1, 'x'), (-b, '')])}}}{{{a}}}"
    return Item(
        f"We set $y = {total([(a, 'x'), (b, '')])}$ and solve for $x$. Exchanging the names of the variables gives the inverse function.",
        rule,
        [
            rule,
            f"\\dfrac{{{total([(1, 'x'), (-b, '')])}}}{{{a}}}",
            f"\\frac{{1}}{{{a}}}({total([(1, 'x'), (-b, '')])})",
            f"({total([(1, 'x'), (-b, '')])})/{a}",
            f"\\frac{{x}}{{{a}}} {'-' if b > 0 else '+'} {frac(Fraction(abs(b), a))}",
            f"f^{{-1}}(x) = {rule}",
        ],
        [
            f"\\frac{{{total([(1, 'x'), (b, '')])}}}{{{a}}}",
            f"\\frac{{{total([(-1, 'x'), (b, '')])}}}{{{a}}}",
            f"\\frac{{{total([(1, 'x'), (-b, '')])}}}{{{a + 1}}}",
            f"\\frac{{{a}}}{{{total([(1, 'x'), (-b, '')])}}}",
            total([(a, "x"), (-b, "")]),
        ],
    )


def trigonometric_expression(r: Random) -> Item:
    k = r.randint(2, 5)
    pick = r.random()
    if pick < 0.5:
        return Item(
            "We write the product as a sine of the double angle or leave it as it is. Both come from the addition theorem.",
            r.choice(["2\\sin x\\cos x", "\\sin 2x", "\\sin(2x)"]),
            ["2\\sin x\\cos x", "\\sin 2x", "\\sin(2x)", "2 \\sin(x) \\cos(x)", "2\\cos x \\sin x"],
            ["\\sin x\\cos x", "2\\sin x", "\\cos 2x", "2\\sin^2 x", "-\\sin 2x", "\\cos(2x)"],
        )
    return Item(
        f"The derivative of $\\sin {k}x$ is found with the chain rule. The inner derivative is ${k}$.",
        f"{k}\\cos {k}x" if pick < 0.75 else f"{k}\\cos({k}x)",
        [f"{k}\\cos {k}x", f"{k}\\cos({k}x)", f"{k} \\cos({k}x)", f"\\cos({k}x) \\cdot {k}"],
        [f"-{k}\\cos({k}x)", f"\\cos({k}x)", f"{k}\\sin({k}x)", f"{k + 1}\\cos({k}x)", f"{k}\\cos(x)"],
    )


def exponential(r: Random) -> Item:
    k, c = r.randint(2, 6), r.randint(2, 9)
    return Item(
        f"Differentiating the exponential brings down a factor ${k}$. Multiplied by the constant in front this gives the result.",
        f"{c * k}e^{{{k}x}}",
        [f"{c * k}e^{{{k}x}}", f"{c} \\cdot {k}e^{{{k}x}}", f"{c * k} e^{{{k} x}}", f"{c * k}(e^x)^{k}", f"e^{{{k}x}} \\cdot {c * k}"],
        [
            f"{c}e^{{{k}x}}",
            f"{c * k}e^{{{k + 1}x}}",
            f"{c * k}e^{{-{k}x}}",
            f"{c * k}e^x",
            f"-{c * k}e^{{{k}x}}",
            f"{c + k}e^{{{k}x}}" if c + k != c * k else "e^x",
        ],
    )


def inequality(r: Random) -> Item:
    a, c, x = nonzero(r, -9, 9), r.randint(2, 6), r.choice("xxtn")
    sign, flipped, strict, weak = r.choice(
        [(">", "<", ">", "\\ge"), ("<", ">", "<", "\\le"), ("\\ge", "\\le", ">", "\\ge"), ("\\le", "\\ge", "<", "\\le")]
    )
    other = weak if sign == strict else strict
    interval = {">": f"({a}, \\infty)", "<": f"(-\\infty, {a})", "\\ge": f"[{a}, \\infty)", "\\le": f"(-\\infty, {a}]"}[sign]
    wide = {"\\ge": "\\geq", "\\le": "\\leq"}.get(sign, sign)
    return Item(
        f"Dividing by the negative number $-{c}$ turns the inequality around. What we get is a bound for ${x}$.",
        f"{x} {sign} {a}",
        [
            f"{x} {sign} {a}",
            f"{a} {flipped} {x}",
            f"{x} {wide} {a}",
            f"{x}{wide} {a}",
            Ending(f"So we must have ${x} {wide} {a}$."),
            interval,
        ],
        [f"{x} {flipped} {a}", f"{x} {other} {a}", f"{x} {sign} {-a}", f"{x} {sign} {a + 1}", f"{x} = {a}", f"{a} {sign} {x}"],
    )


def double_inequality(r: Random) -> Item:
    a, b = r.randint(-9, 2), r.randint(3, 12)
    left, right = r.choice(["<", "\\le"]), r.choice(["<", "\\le"])
    flip = {"<": ">", "\\le": "\\ge"}
    other = {"<": "\\le", "\\le": "<"}
    interval = f"{'(' if left == '<' else '['}{a}, {b}{')' if right == '<' else ']'}"
    return Item(
        "The parabola opens upward and is negative between its roots. We check whether the end points belong to the solution.",
        f"{a} {left} x {right} {b}",
        [
            f"{a} {left} x {right} {b}",
            f"{b} {flip[right]} x {flip[left]} {a}",
            f"{a}{left.replace('le', 'leq')} x{right.replace('le', 'leq')} {b}",
            f"x \\in {interval}",
            interval,
        ],
        [
            f"{a} {other[left]} x {right} {b}",
            f"{a} {left} x {other[right]} {b}",
            f"{a} {left} x {right} {b + 1}",
            f"{-a if a else 1} {left} x {right} {b}" if -a < b else f"{a} {left} x",
            f"x {right} {b}",
            f"{a - 1} {left} x {right} {b}",
        ],
    )


def assignment(r: Random) -> Item:
    v, x = nonzero(r, -20, 30), r.choice(["x", "n", "k", "a", "y"])
    d = r.choice([2, 3, 4, 5])
    if gcd(v, d) == 1 and r.random() < 0.4:
        text = frac(Fraction(v, d))
        return Item(
            f"Collecting the terms with ${x}$ on one side gives ${d}{x} = {v}$. We divide both sides by ${d}$.",
            r.choice([text, f"{x} = {text}"]),
            [text, f"{x} = {text}", f"{x}={text}", Ending(f"So ${x} = \\boxed{{{text}}}$."), Plain(f"{x} = {v}/{d}")],
            [f"{x} = {frac(Fraction(d, v))}", f"{x} = {frac(Fraction(-v, d))}", str(v), f"{x} = {frac(Fraction(v + d, d))}"],
        )
    return Item(
        f"Collecting the terms with ${x}$ on one side gives ${d}{x} = {d * v}$. We divide both sides by ${d}$.",
        r.choice([str(v), f"{x} = {v}", f"{x}={v}"]),
        [
            str(v),
            f"{x} = {v}",
            f"{x}={v}",
            Ending(f"So ${x} = \\boxed{{{v}}}$."),
            Plain(f"{x} = {v}"),
            f"{d}{x} = {d * v} \\implies {x} = {v}",
        ],
        [f"{x} = {-v}", f"{x} = {v + 1}", str(v - 1), f"{x} = {d * v}", Plain(f"{x} = {v + d}")],
    )
