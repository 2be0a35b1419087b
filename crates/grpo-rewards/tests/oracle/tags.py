"""Writes fixtures/tags.json: what TRL's `think_format_reward` and the tag count of open-r1 say of completions.

    pip install trl==1.16.0
    python tags.py ../fixtures/tags.json

open-r1 is not on PyPI: its `tag_count_reward` (src/open_r1/rewards.py, commit 0056faa6b77d73663b353d5422a4828bc9d83218)
counts the four tags that appear exactly once with their line breaks, a quarter each; that is written again below.
"""

import itertools
import json
import sys

import trl
from trl.rewards import think_format_reward

NEEDLES = ["<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"]

BY_HAND = [
    "",
    "<think>\nwork\n</think>\n<answer>\n42\n</answer>",
    "<think>work</think><answer>42</answer>",
    "<think>work</think>42",
    "<think></think>",
    "<think>work</think>",
    " <think>work</think>",
    "\n<think>work</think>",
    "text\n<think>work</think>",
    "<think>work",
    "work</think>",
    "</think><think>",
    "<think>a<think>b</think>c</think>",
    "<think>a</think><think>b</think>",
    "<think>a</think>b</think>c",
    "<THINK>a</THINK>",
    "<think >a</think>",
    "<think>a</think\n>",
    "<think>\n\n</think>\n\n<answer>\n42\n</answer>\n",
    "<think>\nwork\n</think>\n<answer>\n42\n</answer>\n<answer>\n43\n</answer>",
    "<answer>\n42\n</answer>\n<think>\nwork\n</think>\n",
    "<think>\nwork\n</think>\n</think>\n<answer>\n42\n</answer>",
    "<think>\nzwölf\u202e\0\n</think>\n<answer>\n漢\n</answer>",
    "<think>\r\nwork\r\n</think>\r\n<answer>\r\n42\r\n</answer>",
]


def texts():
    yield from BY_HAND
    pieces = ["<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>", "work"]
    for length in range(2, 5):
        for chosen in itertools.product(pieces, repeat=length):
            yield "".join(chosen)


def main(path):
    texts_ = list(dict.fromkeys(texts()))
    think = think_format_reward([[{"content": text}] for text in texts_])
    rows = [
        {"completion": text, "think": reward, "tag_count": sum(text.count(needle) == 1 for needle in NEEDLES) / 4}
        for text, reward in zip(texts_, think, strict=True)
    ]
    with open(path, "w", encoding="utf-8") as file:
        rows = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
        file.write(f'{{"source": "trl {trl.__version__}, open-r1 0056faa", "rows": [\n{rows}\n]}}\n')


main(sys.argv[1])
