"""Writes fixtures/fences.json: the fenced code blocks that markdown-it-py (CommonMark) sees in texts.

    pip install markdown-it-py==4.3.0
    python fences.py ../fixtures/fences.json

The texts have no quotations, lists or HTML blocks, whose insides we do not read.
"""

import itertools
import json
import sys

import markdown_it

BY_HAND = [
    "",
    "text",
    "```\n<\n >\n```",
    "~~~\n<\n >\n~~~",
    "``\nfoo\n``",
    "```\naaa\n~~~\n```",
    "~~~\naaa\n```\n~~~",
    "````\naaa\n```\n``````",
    "~~~~\naaa\n~~~\n~~~~",
    "```",
    "`````\n\n```\naaa",
    "```\n\n  \n```",
    "```\n```",
    " ```\n aaa\naaa\n```",
    "  ```\naaa\n  aaa\naaa\n  ```",
    "   ```\n   aaa\n    aaa\n  aaa\n   ```",
    "    ```\n    aaa\n    ```",
    "```\naaa\n  ```",
    "   ```\naaa\n  ```",
    "```\naaa\n    ```",
    "``` ```\naaa",
    "~~~~~~\naaa\n~~~ ~~",
    "foo\n```\nbar\n```\nbaz",
    "foo\n---\n~~~\nbar\n~~~\n# baz",
    "```ruby\ndef foo(x)\n  return 3\nend\n```",
    "~~~~    ruby startline=3 $%@#$\ndef foo(x)\n  return 3\nend\n~~~~~~~",
    "````;\n````",
    "``` aa ```\nfoo",
    "~~~ aa ``` ~~~\nfoo\n~~~",
    "```\n``` aaa\n```",
    "```python\r\nprint(1)\r\n```\r\nmore",
    "```a\n1\n```\n```b\n2\n```",
    "```json\n{\"a\": \"```\"}\n```",
    "```\nno end\n``` x\n",
    "Text ```python\nprint(1)\n```",
    "~~~\n  \ttab\n~~~ \t\n",
]


def texts():
    yield from BY_HAND
    lines = ["```", "````", "~~~", " ```py", "    ```", "``` x`y", "code", "", "  code", "```  "]
    for length in (2, 3, 4):
        for chosen in itertools.product(lines, repeat=length):
            yield "\n".join(chosen)


def main(path):
    parser = markdown_it.MarkdownIt("commonmark")
    rows = []
    for text in dict.fromkeys(texts()):
        fences = [token for token in parser.parse(text) if token.type == "fence"]
        rows.append([text, [[token.info.strip(), token.content] for token in fences]])
    # Every ninth of the combinations is enough.
    rows = rows[: len(BY_HAND)] + rows[len(BY_HAND) :: 9]
    with open(path, "w", encoding="utf-8") as file:
        lines = ",\n".join(json.dumps(row) for row in rows)
        file.write(f'{{"source": "markdown-it-py {markdown_it.__version__}", "rows": [\n{lines}\n]}}\n')


main(sys.argv[1])
