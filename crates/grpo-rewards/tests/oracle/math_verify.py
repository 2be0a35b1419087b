"""Pairs of completion and reference with the verdict of Python's math-verify: makes fixtures/math_pairs.json, and compares.

    pip install math-verify==0.9.0 latex2sympy2_extended==1.11.0 antlr4-python3-runtime==4.13.2 sympy==1.14.0
    cd crates/grpo-rewards/tests
    python oracle/math_verify.py write                       # makes the fixture anew, byte for byte the same
    python oracle/math_verify.py check                       # the installed version against the fixture

To compare `grpo score` with it, on the fixture or on pairs made from GSM8K's test problems (which stay out of the repository;
DIR is a folder with `gsm8k-test.jsonl`, by default `$GRPO_SHARED/data`):

    python oracle/math_verify.py pairs PAIRS.jsonl           # or: ... gsm8k DIR PAIRS.jsonl
    grpo score --reward math PAIRS.jsonl > RESULTS.jsonl
    python oracle/math_verify.py compare RESULTS.jsonl --pairs PAIRS.jsonl

`compare` prints every row where the two differ and how often they agree. Without `--pairs` the rows are those of the fixture.

A verdict is `verify(parse(gold), parse(completion))` with math-verify's default settings (LaTeX and plain expressions), as its
README has it. The gold answer of a GSM8K-style pair is parsed as it stands; that of a MATH-style pair is LaTeX without
delimiters and parsed as `\\boxed{...}`, as it stands in a MATH solution.

Every case of the fixture holds

    id, style, category     style is `gsm8k` or `math`
    completion, reference   the reference as a data set has it: a number, or the inside of a MATH box
    truth                   what is right by construction, whatever math-verify says; null where it is a matter of policy (a
                            rounded decimal for an exact answer, an answer in another unit or form than asked for)
    math_verify             the verdict

All of it is made by `math_corpus`, seeded, and invented for this project; nothing is taken from GSM8K or MATH.
"""

import argparse
import json
import os
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

sys.dont_write_bytecode = True  # nothing beside the sources

from math_corpus import SEED, Pair, given_problems
from math_corpus.corpus import all_pairs

# This file has the name of the package that it asks; the package comes from elsewhere.
sys.path.remove(str(Path(__file__).resolve().parent))
from math_verify import parse, verify

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "math_pairs.json"
SOURCE = "tests/oracle/math_verify.py write, seed {}; default settings, latex2sympy2_extended {}; MATH-style references parsed in \\boxed"


def verdict(style: str, completion: str, reference: str) -> bool:
    gold = f"\\boxed{{{reference}}}" if style == "math" else reference
    return bool(verify(parse(gold), parse(completion)))


def judged(pairs: list[Pair]) -> list[dict]:
    """The pairs as cases, numbered within their style, each with its verdict."""
    short, count, cases = {"gsm8k": "gsm", "math": "math"}, Counter(), []
    for p in pairs:
        count[p.style] += 1
        cases.append(
            {
                "id": f"{short[p.style]}-{count[p.style]:04}",
                "style": p.style,
                "category": p.category,
                "completion": p.completion,
                "reference": p.reference,
                "truth": p.truth,
                "math_verify": verdict(p.style, p.completion, p.reference),
            }
        )
    return cases


def line(row: dict) -> str:
    return json.dumps(row, ensure_ascii=False)


def write() -> None:
    cases = judged(all_pairs())
    head = {
        "format": 1,
        "math_verify": version("math-verify"),
        "source": SOURCE.format(SEED, version("latex2sympy2_extended")),
    }
    rows = ",\n".join(line(case) for case in cases)
    FIXTURE.write_text(line(head)[:-1] + ', "cases": [\n' + rows + "\n]}\n", encoding="utf-8")
    print(f"{FIXTURE.name}: {len(cases)} pairs, {FIXTURE.stat().st_size // 1000} kB")
    summary(cases)


def summary(cases: list[dict]) -> None:
    for style in ("gsm8k", "math"):
        of = [c for c in cases if c["style"] == style]
        known = [c for c in of if c["truth"] is not None]
        against = [c for c in known if c["truth"] != c["math_verify"]]
        right = sum(c["truth"] is True for c in of)
        print(f"{style}: {len(of)} pairs, {right} right, {len(of) - len(known)} a matter of policy; math-verify contradicts {len(against)}")
        total, odd = Counter(c["category"] for c in of), Counter(c["category"] for c in against)
        for category, n in total.items():
            print(f"  {category:24} {n:4}  contradicted {odd[category]:3}")


def fixture_cases() -> list[dict]:
    return json.loads(FIXTURE.read_text(encoding="utf-8"))["cases"]


def check() -> int:
    changed = [c for c in fixture_cases() if verdict(c["style"], c["completion"], c["reference"]) != c["math_verify"]]
    for case in changed:
        print(line(case))
    print(f"math-verify {version('math-verify')}: {len(changed)} verdicts differ from the fixture's")
    return 1 if changed else 0


def read_rows(path: Path) -> list[dict]:
    rows = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(json.loads(text))
        except json.JSONDecodeError as error:
            sys.exit(f"{path}:{number}: not JSON: {error}")
    return rows


def with_verdict(row: dict) -> dict:
    """A row of a user's own file has no verdict yet; its style is guessed from the reference."""
    missing = [key for key in ("completion", "reference") if not isinstance(row.get(key), str)]
    if missing:
        sys.exit(f"a row of the pairs lacks {' and '.join(missing)} (a string): {line(row)[:200]}")
    style = row.get("style") or ("math" if any(c in row["reference"] for c in "\\^_(){}=") else "gsm8k")
    said = row["math_verify"] if "math_verify" in row else verdict(style, row["completion"], row["reference"])
    return {**row, "style": style, "math_verify": said}


def compare(results: Path, pairs: Path | None) -> int:
    cases = [with_verdict(row) for row in read_rows(pairs)] if pairs else fixture_cases()
    scores = read_rows(results)
    if len(scores) != len(cases):
        sys.exit(f"{results} has {len(scores)} rows, the pairs are {len(cases)}: score the same file that you compare with")
    agree, total = Counter(), Counter()
    for case, result in zip(cases, scores, strict=True):
        ours, theirs, truth = (result.get("score") or 0) >= 0.5, case["math_verify"], case.get("truth")
        total[case["style"]] += 1
        agree[case["style"]] += ours == theirs
        for name, said in (("ours", ours), ("math-verify", theirs)):
            if truth is not None:
                total[f"truth, {name}"] += 1
                agree[f"truth, {name}"] += said == truth
        if ours != theirs:
            print(
                f"{case.get('id', '?')} {case.get('category', '')}: ours {ours}, math-verify {theirs}, truth {truth}\n"
                f"  reference {case['reference']!r}, extracted {result.get('extracted')!r}\n"
                f"  {case['completion'][-160:]!r}\n  {result.get('reason')}"
            )
    for name in total:
        print(f"{name}: {agree[name]} of {total[name]} agree, {agree[name] / total[name]:.2%}")
    same = agree["gsm8k"] + agree["math"]
    print(f"with math-verify: {same} of {len(cases)}, {same / max(len(cases), 1):.2%}")
    return 0


def write_rows(path: Path, cases: list[dict]) -> int:
    path.write_text("".join(line(case) + "\n" for case in cases), encoding="utf-8")
    print(f"{path}: {len(cases)} pairs")
    return 0


def gsm8k(folder: Path, out: Path) -> int:
    source = folder / "gsm8k-test.jsonl"
    if not source.is_file():
        sys.exit(f"{source} is missing: name the folder that holds it, or set GRPO_SHARED to the folder above data/")
    cases = judged(given_problems.pairs(read_rows(source)))
    summary(cases)
    return write_rows(out, cases)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write", help="make the fixture anew")
    commands.add_parser("check", help="compare the installed math-verify with the fixture")
    commands.add_parser("pairs", help="write the fixture's cases as JSON lines").add_argument("out", type=Path)
    given = commands.add_parser("gsm8k", help="make pairs from GSM8K's test problems")
    given.add_argument("folder", type=Path, nargs="?", default=Path(os.environ.get("GRPO_SHARED", "../shared")) / "data")
    given.add_argument("out", type=Path)
    comparing = commands.add_parser("compare", help="compare what `grpo score --reward math` wrote")
    comparing.add_argument("results", type=Path)
    comparing.add_argument("--pairs", type=Path)
    args = parser.parse_args()
    match args.command:
        case "write":
            return write() or 0
        case "check":
            return check()
        case "pairs":
            return write_rows(args.out, fixture_cases())
        case "gsm8k":
            return gsm8k(args.folder, args.out)
        case _:
            return compare(args.results, args.pairs)


if __name__ == "__main__":
    sys.exit(main())
