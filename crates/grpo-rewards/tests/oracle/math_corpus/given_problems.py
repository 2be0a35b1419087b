"""Pairs from the worked solutions of GSM8K's test problems, with other endings, notations and slips.

Rows are those of a JSON Lines file with `answer` (a worked solution that ends in `#### N`) and `final` (N without commas).
Nothing of it is kept in the repository: the pairs are made where the data lies.
"""

import re
from random import Random

from . import Pair, stream

MARK = re.compile(r"<<[^>]*>>")

# `{n}` is the number as the notation writes it.
ENDINGS = {
    "hash": ["#### {n}", "#### {n}", "#### {n}", "\n#### {n}", "#### {n}.", "####{n}"],
    "answer_is": [
        "The answer is {n}.",
        "So the answer is {n}.",
        "Therefore, the final answer is {n}.",
        "The answer is: {n}",
        "The final answer is {n}",
    ],
    "answer_colon": ["Answer: {n}", "**Answer:** {n}", "Final Answer: {n}", "**Final Answer: {n}**"],
    "bold": ["The answer is **{n}**.", "**{n}**", "So the result is **{n}**."],
    "boxed": [
        "$\\boxed{{{n}}}$",
        "\\boxed{{{n}}}",
        "\\[ \\boxed{{{n}}} \\]",
        "The final answer is $\\boxed{{{n}}}$.",
        "So we get \\(\\boxed{{{n}}}\\).",
    ],
    "remark_after": [
        "The answer is {n}. I hope this helps!",
        "#### {n}\n\nLet me know if anything is unclear.",
        "\\boxed{{{n}}}\n\nThis is the final result.",
    ],
    "solution": [""],  # the worked solution's own last line stands for the answer
}


def notations(number: int, money: bool, boxed: bool) -> list[str]:
    """Ways to write a whole number; `boxed`: inside LaTeX, where a dollar sign has a backslash."""
    sign, size = "-" if number < 0 else "", abs(number)
    ways = [f"{number}", f"{number}", f"{number}", f"{number:,}", f"{number}.0", f"{sign}{size:,}.00"]
    if boxed and size >= 1000:
        ways.append(f"{number:,}".replace(",", "{,}"))
    if money and number >= 0:
        mark = "\\$" if boxed else "$"
        ways += [f"{mark}{size:,}", f"{mark}{size}", f"{mark}{size:,}.00", f"{size} dollars" if not boxed else f"{mark}{size}"]
    return ways


def slips(r: Random, number: int) -> int:
    """A wrong answer near the right one: a small miscount, a zero too many, two digits exchanged, a factor left out."""
    guesses = [number + 1, number - 1, number + 10, number - 10, number * 10, number * 2, number + r.randint(2, 9), -number]
    digits = str(abs(number))
    if len(digits) > 1 and digits[0] != digits[1] and digits[1] != "0":
        guesses.append(int(digits[1] + digits[0] + digits[2:]))
    if number % 2 == 0:
        guesses.append(number // 2)
    return r.choice([g for g in guesses if g != number])


def said(body: list[str], right: str, wrong: str) -> list[str]:
    """The solution with the last mention of its result miscalculated as well."""
    last = body[-1].replace(f"={right}>>{right}", f"={wrong}>>{right}")
    at = last.rfind(right)
    bounded = at >= 0 and not last[at + len(right) : at + len(right) + 1].isdigit() and not last[max(at - 1, 0) : at].isdigit()
    return [*body[:-1], last[:at] + wrong + last[at + len(right) :]] if bounded else body[:-1]


def pair(r: Random, row: dict, right: bool) -> Pair:
    *body, final = row["answer"].split("\n")
    number = int(row["final"])
    value = number if right else slips(r, number)
    money = f">>{number}" in row["answer"] and "$<<" in row["answer"]
    if not right:
        body = said(body, str(number), str(value)) if r.random() < 0.7 else body[:-1]
    if r.random() < 0.6:
        body = [MARK.sub("", step) for step in body]
    # a solution whose last line doesn't end in the result says nothing by itself
    stated = right and body and re.search(rf"(?<![\d.,/]){number}(?![\d,/]|\.\d)\D*$", MARK.sub("", body[-1]))
    category = r.choice([c for c in ENDINGS if c != "solution" or stated])
    n = r.choice(notations(value, money, boxed=category == "boxed"))
    ending = r.choice(ENDINGS[category]).format(n=n)
    reference = final.removeprefix("####").strip() if r.random() < 0.2 else row["final"]
    text = r.choice(["\n", "\n", " "]).join(body) + ("\n" + ending if ending else "")
    return Pair("gsm8k", category, text, reference, right)


def pairs(rows: list[dict]) -> list[Pair]:
    """A right and a wrong completion of every problem."""
    r = stream("given")
    return [pair(r, row, right) for row in rows for right in (True, False)]
