"""MATH-style answers that consist of several parts, or of words: tuples, intervals, lists of roots, matrices, choices."""

from fractions import Fraction
from random import Random

from .notation import Ending, Item, Plain, frac, reduced, squarefree


def integers(r: Random, count: int, low: int = -9, high: int = 12) -> list[int]:
    return r.sample([n for n in range(low, high + 1) if n != 0], count)


def join(parts: list, separator: str = ", ") -> str:
    return separator.join(map(str, parts))


def point(r: Random) -> Item:
    a, b = integers(r, 2)
    return Item(
        f"Substituting $x = {a}$ into the first equation gives $y = {b}$. Both equations hold there, so the lines meet in one point.",
        r.choice([f"({a},{b})", f"({a}, {b})", f"\\left({a}, {b}\\right)"]),
        [
            f"({a}, {b})",
            f"({a},{b})",
            f"\\left({a}, {b}\\right)",
            f"\\left( {a}, {b} \\right)",
            Plain(f"({a}, {b})"),
            f"({a}, {b}.0)",
            f"(x, y) = ({a}, {b})",
            f"({a},\\ {b})",
        ],
        [
            f"({b}, {a})",
            f"({a}, {-b})",
            f"({-a}, {b})",
            f"({a}, {b + 1})",
            str(a),
            f"({a}, {b}, 0)",
            Plain(f"({b}, {a})"),
            f"({a + 1}, {b})",
        ],
    )


def point_with_fractions(r: Random) -> Item:
    p, q = reduced(r, 1, 9, (2, 8)), integers(r, 1)[0]
    f = frac(p)
    right = [
        f"\\left({f}, {q}\\right)",
        f"({f}, {q})",
        f"({p}, {q})",
        f"\\left( {frac(p, chr(92) + 'dfrac')}, {q} \\right)",
        f"\\left(\\frac{{{2 * p.numerator}}}{{{2 * p.denominator}}}, {q}\\right)",
    ]
    if 1000 % p.denominator == 0:
        right.append(f"({float(p):g}, {q})")
    return Item(
        f"The vertex of the parabola lies on its axis of symmetry $x = {f}$. Evaluating the function there gives ${q}$.",
        f"\\left({f}, {q}\\right)" if r.random() < 0.7 else f"\\left({f},{q}\\right)",
        right,
        [
            f"\\left({q}, {f}\\right)",
            f"\\left(-{f}, {q}\\right)",
            f"\\left({frac(1 / p)}, {q}\\right)",
            f"\\left({f}, {-q}\\right)",
            f"\\left({f}, {q + 1}\\right)",
            f,
        ],
    )


def triple(r: Random) -> Item:
    a, b, c = integers(r, 3)
    return Item(
        "Adding the three equations and dividing, we find the sum of the unknowns. Subtracting the equations from it one at a time yields the ordered triple.",
        r.choice([f"({a},{b},{c})", f"({a}, {b}, {c})"]),
        [f"({a}, {b}, {c})", f"({a},{b},{c})", f"\\left({a}, {b}, {c}\\right)", Plain(f"({a}, {b}, {c})"), f"(x, y, z) = ({a}, {b}, {c})"],
        [f"({b}, {a}, {c})", f"({a}, {b})", f"({a}, {b}, {-c})", f"({a}, {c}, {b})", f"({a}, {b}, {c + 1})", f"({-a}, {-b}, {-c})"],
    )


def polar_point(r: Random) -> Item:
    radius, (n, d) = r.randint(2, 8), r.choice([(1, 2), (1, 3), (1, 4), (3, 2), (3, 4), (5, 6), (7, 4), (4, 3)])
    angle = f"\\frac{{{'' if n == 1 else n}\\pi}}{{{d}}}"
    return Item(
        f"The distance from the origin is $r = {radius}$. The angle with the positive $x$-axis is found from a sketch.",
        f"\\left({radius}, {angle}\\right)",
        [
            f"\\left({radius}, {angle}\\right)",
            f"({radius}, {angle})",
            f"\\left({radius}, {frac(Fraction(n, d))}\\pi\\right)",
            f"\\left( {radius}, {angle.replace('frac', 'dfrac')} \\right)",
        ],
        [
            f"\\left({radius}, -{angle}\\right)",
            f"\\left({radius + 1}, {angle}\\right)",
            f"\\left({angle}, {radius}\\right)",
            f"\\left({radius}, \\frac{{{n}\\pi}}{{{d + 1}}}\\right)",
            f"\\left({radius}, \\pi\\right)",
        ],
    )


def bounded_interval(r: Random) -> Item:
    a = r.randint(-9, 5)
    b = a + r.randint(2, 9)
    o, c = r.choice(["(", "["]), r.choice([")", "]"])
    other = {"(": "[", "[": "(", ")": "]", "]": ")"}
    return Item(
        "The expression under the root must not be negative, and the denominator must not vanish. Both conditions together give the domain.",
        f"{o}{a},{b}{c}" if r.random() < 0.5 else f"{o}{a}, {b}{c}",
        [
            f"{o}{a}, {b}{c}",
            f"{o}{a},{b}{c}",
            f"\\left{o}{a}, {b}\\right{c}",
            f"x \\in {o}{a}, {b}{c}",
            f"{o}{a},\\,{b}{c}",
            Ending(f"Hence the domain is ${o}{a}, {b}{c}$."),
        ],
        [
            f"{other[o]}{a}, {b}{c}",
            f"{o}{a}, {b}{other[c]}",
            f"{o}{a}, {b + 1}{c}",
            f"{o}{a - 1}, {b}{c}",
            f"{o}{-b}, {-a}{c}" if a != -b else f"{o}{a}, \\infty)",
            f"{o}{a}, \\infty)",
        ],
    )


def ray(r: Random) -> Item:
    a = integers(r, 1)[0]
    if r.random() < 0.5:
        c = r.choice([")", "]"])
        right, wrong = f"(-\\infty, {a}{c}", f"(-\\infty, {a}{']' if c == ')' else ')'}"
        mirrored, relation = f"{'(' if c == ')' else '['}{a}, \\infty)", f"x {'<' if c == ')' else chr(92) + 'le'} {a}"
    else:
        o = r.choice(["(", "["])
        right, wrong = f"{o}{a}, \\infty)", f"{'[' if o == '(' else '('}{a}, \\infty)"
        mirrored, relation = f"(-\\infty, {a}{')' if o == '(' else ']'}", f"x {'>' if o == '(' else chr(92) + 'ge'} {a}"
    return Item(
        "The function is monotonic and takes every value beyond the bound. So its range is unbounded on one side.",
        right if r.random() < 0.5 else right.replace(", ", ","),
        [right, right.replace(", ", ","), f"\\left{right[:-1]}\\right{right[-1]}", f"x \\in {right}", right, relation],
        [wrong, mirrored, right.replace(str(a), str(a + 1)), right.replace(str(a), str(-a)), "(-\\infty, \\infty)"],
    )


def union(r: Random) -> Item:
    a = r.randint(-9, 3)
    b = a + r.randint(2, 8)
    o, c = r.choice(["(", "["]), r.choice([")", "]"])
    left, right = f"(-\\infty, {a}{c}", f"{o}{b}, \\infty)"
    swap = {"(": "[", "[": "(", ")": "]", "]": ")"}
    return Item(
        f"The sign of the product changes at ${a}$ and at ${b}$. It is positive outside of the two roots, which gives two rays.",
        f"{left} \\cup {right}" if r.random() < 0.5 else f"{left}\\cup{right}".replace(", ", ","),
        [
            f"{left} \\cup {right}",
            f"{right} \\cup {left}",
            f"{left}\\cup {right}".replace(", ", ","),
            f"\\left{left[:-1]}\\right{left[-1]} \\cup \\left{right[:-1]}\\right{right[-1]}",
            f"x \\in {left} \\cup {right}",
        ],
        [
            f"(-\\infty, {a}{swap[c]} \\cup {right}",
            f"{left} \\cup {swap[o]}{b}, \\infty)",
            left,
            right,
            f"{left} \\cup {o}{b + 1}, \\infty)",
            f"({a}, {b})",
            f"(-\\infty, {a - 1}{c} \\cup {right}",
        ],
    )


def two_roots(r: Random) -> Item:
    a, b = integers(r, 2)
    return Item(
        "We factor the quadratic. It vanishes exactly where one of the factors does, and this happens twice.",
        r.choice([f"{a},{b}", f"{a}, {b}", f"{b},{a}"]),
        [
            f"{a}, {b}",
            f"{b}, {a}",
            f"\\{{{a}, {b}\\}}",
            f"{a},{b}",
            f"{a} \\text{{ and }} {b}",
            f"x = {a}, {b}",
            f"x = {a} \\text{{ or }} x = {b}",
            Ending(f"The solutions are ${a}$ and ${b}$."),
            Ending(f"Thus, the roots are $\\boxed{{{b}}}$ and $\\boxed{{{a}}}$."),
            Ending(f"The answer is $x = {a}$ or $x = {b}$."),
            f"x = {b}, x = {a}",
        ],
        [
            str(a),
            f"{a}, {-b}" if b != -a else str(a),
            f"{-a}, {-b}" if a != -b else str(b),
            f"{a}, {b + 1}" if a != b + 1 else str(b),
            f"\\{{{a}, {b}, 0\\}}",
            Ending(f"Thus, the solution is $\\boxed{{{b}}}$."),
            Ending(f"The solutions are ${a}$ and ${b + 20}$."),
        ],
    )


def finite_set(r: Random) -> Item:
    values = sorted(integers(r, r.choice([3, 3, 4])))
    mixed = values[1:] + values[:1]
    return Item(
        "We test each of the candidates. Only those that satisfy all conditions remain.",
        r.choice([f"\\{{{join(values)}\\}}", join(values), join(values, ",")]),
        [
            f"\\{{{join(values)}\\}}",
            f"\\{{{join(mixed)}\\}}",
            join(values),
            join(mixed),
            f"\\left\\{{{join(values)}\\right\\}}",
            join(values, ","),
        ],
        [
            f"\\{{{join(values[:-1])}\\}}",
            f"\\{{{join([*values, 13])}\\}}",
            join([*values[:-1], values[-1] + 1]),
            f"\\{{{join([-values[0], *values[1:]])}\\}}" if -values[0] not in values else str(values[0]),
            str(values[-1]),
        ],
    )


def plus_minus(r: Random) -> Item:
    if r.random() < 0.4:
        a = r.randint(2, 12)
        return Item(
            f"Taking square roots of $x^2 = {a * a}$, we must not forget the negative one.",
            r.choice([f"\\pm {a}", f"{a}, -{a}", f"-{a}, {a}", f"\\pm{a}"]),
            [
                f"\\pm {a}",
                f"{a}, -{a}",
                f"-{a}, {a}",
                f"x = \\pm {a}",
                f"\\pm{a}",
                f"\\{{-{a}, {a}\\}}",
                Ending(f"So the solutions are $x = {a}$ and $x = -{a}$."),
            ],
            [str(a), f"\\pm {a + 1}", f"-{a}", f"\\pm {a * a}", f"{a}, {-a - 1}"],
        )
    a, n = r.randint(1, 6), squarefree(r)
    root = f"\\sqrt{{{n}}}"
    return Item(
        f"Completing the square gives $(x - {a})^2 = {n}$. We take the root on both sides and add ${a}$.",
        r.choice([f"{a} \\pm {root}", f"{a} + {root}, {a} - {root}"]),
        [
            f"{a} \\pm {root}",
            f"{a} + {root}, {a} - {root}",
            f"x = {a} \\pm {root}",
            f"{a} - {root}, {a} + {root}",
            f"{a}\\pm{root}",
            f"\\frac{{{2 * a} \\pm \\sqrt{{{4 * n}}}}}{{2}}",
        ],
        [f"-{a} \\pm {root}", f"{a} + {root}", f"{a} \\pm \\sqrt{{{n + 1}}}", f"{a} \\pm {n}", f"\\pm {root}", f"{a + 1} \\pm {root}"],
    )


def complex_roots(r: Random) -> Item:
    a, b = r.choice([-5, -3, -2, -1, 1, 2, 4]), r.randint(2, 7)
    return Item(
        "The discriminant is negative, so there are two complex roots, and they are conjugate to each other.",
        r.choice([f"{a} \\pm {b}i", f"{a} + {b}i, {a} - {b}i"]),
        [f"{a} \\pm {b}i", f"{a} + {b}i, {a} - {b}i", f"{a} - {b}i, {a} + {b}i", f"x = {a} \\pm {b}i", f"{a}\\pm{b}i"],
        [f"{-a} \\pm {b}i", f"{a} + {b}i", f"{a} \\pm {b}", f"{a} \\pm {b + 1}i", f"{b} \\pm {a}i" if a > 0 else f"\\pm {b}i"],
    )


def matrix(rows: list[list], kind: str = "pmatrix", gap: str = " ") -> str:
    body = f" \\\\{gap}".join(" & ".join(map(str, row)) for row in rows)
    return f"\\begin{{{kind}}}{gap}{body}{gap}\\end{{{kind}}}"


def square_matrix(r: Random) -> Item:
    a, b, c, d = integers(r, 4)
    m = [[a, b], [c, d]]
    tight = matrix(m).replace(" & ", "&").replace(" ", "").replace("\\begin{pmatrix}", "\\begin{pmatrix} ")
    return Item(
        "We multiply the rows of the first matrix with the columns of the second one. This gives the four entries of the product.",
        matrix(m) if r.random() < 0.7 else tight,
        [
            matrix(m),
            matrix(m, "bmatrix"),
            matrix(m, gap="\n"),
            tight,
            f"\\left(\\begin{{matrix}} {a} & {b} \\\\ {c} & {d} \\end{{matrix}}\\right)",
            f"\\begin{{pmatrix}} {a} & {b} \\\\ {c} & \\frac{{{2 * d}}}{{2}} \\end{{pmatrix}}",
        ],
        [
            matrix([[a, c], [b, d]]),
            matrix([[a, b], [c, -d]]),
            matrix([[a, b], [c, d + 1]]),
            matrix([[-a, b], [c, d]], "bmatrix"),
            matrix([[c, d], [a, b]]),
            matrix([[a, b]]),
            str(a * d - b * c),
        ],
    )


def column_vector(r: Random) -> Item:
    v = integers(r, r.choice([2, 3]))
    column = [[n] for n in v]
    scaled = [[n] for n in [*v[:-1], v[-1] + 1]]
    return Item(
        "The projection is a multiple of the direction vector. We compute the two dot products and divide.",
        matrix(column),
        [
            matrix(column),
            matrix(column, "bmatrix"),
            matrix(column, gap="\n"),
            "\\begin{pmatrix} " + " \\\\ ".join([str(v[0]) + ".0", *map(str, v[1:])]) + " \\end{pmatrix}",
            matrix(column, "bmatrix", gap="\n"),
        ],
        [
            matrix([[-n] for n in v]),
            matrix(scaled),
            matrix(column[::-1]),
            matrix(column[:-1]) if len(v) > 2 else matrix([*column, [1]]),
            matrix([[2 * n] for n in v]),
        ],
        [f"({join(v)})"],
    )


def fraction_matrix(r: Random) -> Item:
    p, q = reduced(r, 1, 9, (2, 7)), reduced(r, 1, 9, (2, 7))
    a, b = integers(r, 2)
    m = [[frac(p), a], [b, frac(-q)]]
    other = [[frac(p, "\\dfrac"), a], [b, frac(-q, "\\dfrac")]]
    return Item(
        "The inverse is the adjugate divided by the determinant. We divide every entry and simplify.",
        matrix(m),
        [matrix(m), matrix(other), matrix(m, "bmatrix"), matrix([[p, a], [b, -q]]), matrix(m, gap="\n")],
        [
            matrix([[frac(-p), a], [b, frac(-q)]]),
            matrix([[frac(p), b], [a, frac(-q)]]),
            matrix([[frac(1 / p), a], [b, frac(-q)]]),
            matrix([[frac(p), a], [b, frac(q)]]),
            matrix([[frac(p), a], [b + 1, frac(-q)]]),
        ],
    )


WORDS = [
    ("It starts on a weekday and the days go round in sevens. We only need the remainder.", ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]),
    ("We compute the average speed of each of them from the diagram. The largest one wins.", ["Evelyn", "Carla", "Briana", "Debra", "Angela"]),
    ("We compare the signs and sizes of the coefficients of the squares. This tells which conic it is.", ["ellipse", "parabola", "hyperbola", "circle"]),
    ("We replace $x$ by $-x$ and simplify. Comparing with the function itself settles the question.", ["even", "odd", "neither"]),
    ("Each planet's distance is a multiple of the first one. We compare the times around the sun.", ["Venus", "Mars", "Jupiter", "Saturn"]),
]  # fmt: skip


def text_answer(r: Random) -> Item:
    story, words = r.choice(WORDS)
    word, *others = r.sample(words, len(words))
    return Item(
        story,
        r.choice([f"\\text{{{word}}}", f"\\text{{{word}}}", f"\\mbox{{{word}}}", word]),
        [f"\\text{{{word}}}", f"\\text{{{word}}}", f"\\textbf{{{word}}}", word, f"\\text{{ {word}}}", f"\\mathrm{{{word}}}"],
        [f"\\text{{{other}}}" for other in others] + [others[0]],
        [f"\\text{{{word.swapcase() if word.islower() else word.lower()}}}"],
    )


def multiple_choice(r: Random) -> Item:
    letter, *others = r.sample("ABCDE", 5)
    return Item(
        "We check the statements one after the other. Four of them fail for small numbers, so one remains.",
        r.choice([f"\\text{{({letter})}}", f"\\text{{({letter})}}", f"\\textbf{{({letter})}}", f"\\text{{{letter}}}", letter]),
        [
            f"\\text{{({letter})}}",
            f"\\textbf{{({letter})}}",
            f"\\text{{{letter}}}",
            letter,
            f"({letter})",
            f"\\mathrm{{({letter})}}",
            f"\\text{{ ({letter})}}",
        ],
        [f"\\text{{({o})}}" for o in others] + [f"({others[0]})", others[1], f"\\textbf{{({others[2]})}}"],
    )


def several_letters(r: Random) -> Item:
    letters = sorted(r.sample("ABCDEF", r.choice([2, 3])))
    others = sorted(r.sample("ABCDEF", len(letters)))
    while others == letters:
        others = sorted(r.sample("ABCDEF", len(letters)))
    return Item(
        "We go through the statements and keep those that are true for every choice of the numbers.",
        join(letters, ","),
        [join(letters, ","), join(letters), f"\\text{{{join(letters)}}}", join(letters[::-1]), join(letters, ", ")],
        [join(others, ","), letters[0], join([*letters, "G"], ","), join(others)],
    )
