"""Writes fixtures/squad.json: exact match and F1 of SQuAD's evaluation, as in transformers 4.57.1.

    pip install transformers==4.57.1
    python squad.py ../fixtures/squad.json

Rows with a `differs` are those where we go beyond SQuAD's ASCII, with the reason.
"""

import json
import sys

import transformers
from transformers.data.metrics.squad_metrics import compute_exact, compute_f1

PAIRS = [
    ("Paris", "paris"),
    ("The city of Paris.", "city of paris"),
    ("the", "a"),
    ("", ""),
    ("", "Paris"),
    ("Paris", ""),
    ("an apple a day", "apple day"),
    ("theory", "the ory"),
    ("A-ha", "ha"),
    ("a b c d", "b c d e"),
    ("to be or not to be", "to be"),
    ("to be", "to be or not to be"),
    ("be be be", "be"),
    ("U.S.A.", "USA"),
    ("U. S. A.", "USA"),
    ("3.14", "314"),
    ("$5", "5"),
    ("5 %", "5%"),
    ("1,000", "1000"),
    ("-5", "5"),
    ("don't", "dont"),
    ("a_b", "ab"),
    ("x\t\n y", "x y"),
    ("x\u00a0y", "x y"),
    ("ÉCOLE", "école"),
    ("Ünter den  Linden!", "unter den linden"),
    ("Кошка", "кошка"),
    ("ΟΔΟΣ", "οδος"),
    ("東京", "東京"),
    ("the end of the world", "end of world"),
    ("another an other", "another other"),
    ("(A) the answer", "answer"),
    ("William Shakespeare", "Shakespeare"),
    ("Barack Hussein Obama II", "Barack Obama"),
    ("in the 1990s", "the 1990s"),
    ("Nikola Tesla and Thomas Edison", "Thomas Edison and Nikola Tesla"),
    ("yes", "no"),
    ("<answer>42</answer>", "42"),
    ("`code`", "code"),
    ("~|^\\@#&*+=[]{}", ""),
    ("it's the cat's", "its cats"),
    ("½", "½"),
    ("naïve café", "naïve cafe"),
]

DIFFERS = [
    ("“Paris”", "Paris", "punctuation beyond ASCII is left out"),
    ("1914–1918", "19141918", "punctuation beyond ASCII is left out"),
    ("¿Qué?", "qué", "punctuation beyond ASCII is left out"),
    ("ﬁne", "fine", "characters that stand for the same (NFKC)"),
    ("x²", "x2", "characters that stand for the same (NFKC)"),
    ("cafe\u0301", "caf\u00e9", "characters that stand for the same (NFKC)"),
    ("Straße", "STRASSE", "full case folding instead of small letters"),
]


def main(path):
    rows = [(answer, reference, None) for answer, reference in PAIRS] + DIFFERS
    rows = [
        {
            "answer": answer,
            "reference": reference,
            "exact": compute_exact(reference, answer),
            "f1": float(compute_f1(reference, answer)),
            "differs": reason,
        }
        for answer, reference, reason in rows
    ]
    with open(path, "w", encoding="utf-8") as file:
        rows = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
        file.write(f'{{"source": "transformers {transformers.__version__} squad_metrics", "rows": [\n{rows}\n]}}\n')


main(sys.argv[1])
