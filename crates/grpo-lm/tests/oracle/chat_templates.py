"""Writes chat/expected.json: what Python's transformers makes of the chat templates in chat/.

    pip install transformers jinja2
    python chat_templates.py

Where the templates come from stands in `TEMPLATES` and is copied to expected.json. The date of Llama 3.2 is the one its
template falls back to, except in the cases that give a date.
"""

import datetime
import json
from pathlib import Path

import tokenizers
import transformers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

FOLDER = Path(__file__).resolve().parent.parent / "chat"
TRL = "trl 1.16.0 of PyPI (Apache-2.0), trl/chat_templates/"

# File name: where it comes from, and the special tokens of the model's tokenizer_config.json.
TEMPLATES = {
    "smollm2": ("HuggingFaceTB/SmolLM2-135M-Instruct (Apache-2.0), tokenizer_config.json",
                {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>",
                 "pad_token": "<|im_end|>"}),
    "qwen2.5": (TRL + "qwen2_5.jinja (Qwen2.5-Instruct)",
                {"bos_token": None, "eos_token": "<|im_end|>", "unk_token": None, "pad_token": "<|endoftext|>"}),
    "qwen3": (TRL + "qwen3.jinja (Qwen3)",
              {"bos_token": None, "eos_token": "<|im_end|>", "unk_token": None, "pad_token": "<|endoftext|>"}),
    "llama3.1": (TRL + "llama3_1.jinja (Llama-3.1-Instruct)",
                 {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}),
    "llama3.2": (TRL + "llama3_2.jinja (Llama-3.2-Instruct)",
                 {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}),
    "gemma3": (TRL + "gemma3.jinja (gemma-3-it)",
               {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}),
    "features": ("written for these tests",
                 {"bos_token": {"content": "<s>", "lstrip": False, "normalized": False, "rstrip": False,
                                "single_word": False},
                  "eos_token": "</s>", "sep_token": "<sep>"}),
}


def said(*turns):
    return [{"role": role, "content": content} for role, content in turns]


CONVERSATIONS = {
    "user": said(("user", "What is 2 + 3?")),
    "system": said(("system", "Answer briefly."), ("user", "What is 2 + 3?")),
    "turns": said(("system", "Answer briefly."), ("user", "What is 2 + 3?"), ("assistant", "5"), ("user", "And 3 + 4?"),
                  ("assistant", "7")),
    "no system": said(("user", "Hi"), ("assistant", "Hello."), ("user", "Bye")),
    "odd text": said(("user", "  He said \"it's <b>5</b> & more\" \\n\n{{ bos_token }} {% if %} {# no #} {{  ")),
    "unicode": said(("system", "\t Réponds — 日本語で \n\n"), ("user", "\u00a0\x1fΣΑΣ 😀 e\u0301\u3000"),
                    ("assistant", " ß\r\nline\u2028 ")),
    "empty content": said(("user", ""), ("assistant", ""), ("user", "\n")),
    "thought": said(("user", "2 + 3?"), ("assistant", "<think>\nTwo and three.\n</think>\n\n5"), ("user", "Sure?"),
                    ("assistant", "<think>\nYes.\n\n</think>\n\nYes.\n")),
    "open thought": said(("user", "2 + 3?"), ("assistant", "a</think>b</think>\n c")),
    "late system": said(("user", "Hi"), ("system", "Be kind."), ("user", "Hi?")),
    "two users": said(("user", "Hi"), ("user", "Hi?")),
    "assistant first": said(("assistant", "Hello."), ("user", "Hi")),
    "tool": said(("user", "2 + 3?"), ("assistant", "add(2, 3)"), ("tool", "{\"sum\": 5, \"é\": '<'}"), ("tool", "5"),
                 ("assistant", "5")),
    "ipython": said(("user", "2 + 3?"), ("ipython", "5\n\u0001\x7f")),
    "skip": said(("skip", "a"), ("user", "b"), ("user", "stop"), ("user", "c")),
}

# Those for the template of these tests, which has much to say on each.
FEATURES = ["turns", "odd text", "unicode", "late system", "skip"]

# What only one template knows: its name, conversation, whether to prompt, variables, date.
EXTRA = [
    ("qwen3", "turns", True, {"enable_thinking": False}, None),
    ("qwen3", "user", True, {"enable_thinking": False}, None),
    ("qwen3", "user", True, {"enable_thinking": True}, None),
    ("qwen3", "user", False, {"enable_thinking": False}, None),
    ("qwen2.5", "turns", True,
     {"tools": [{"function": {"description": "<é>", "name": "add"}, "type": "function"}]}, None),
    ("llama3.1", "user", True, {"tools": [{"function": {"name": "add", "x": []}}], "date_string": "1 May 2025"}, None),
    ("llama3.2", "turns", True, {"date_string": "23 Nov 2025"}, None),
    ("llama3.2", "turns", True, {}, [2025, 3, 1]),
    ("llama3.2", "user", False, {}, [2024, 2, 29]),
    ("llama3.2", "user", True, {"bos_token": "<s>"}, [1999, 12, 31]),
    ("features", "turns", True, {"extra": {"deep": [1.5, None]}}, None),
]

# Dates, and how a template may ask for them. Keys of `tools` above are in order: Rust's `serde_json` sorts them.
DATES = [[2024, 2, 29], [2023, 12, 31], [2026, 7, 4], [1900, 3, 1], [2000, 2, 29]]
DATE_FORMATS = ["%d %b %Y", "%A, %B %d, %Y", "%Y-%m-%d", "%-d/%-m/%y %a %j %e", "%F %H:%M:%S %I %p 100%%", "%T %h"]


class Clock(datetime.datetime):
    """The present, as far as a template knows."""

    today = None

    @classmethod
    def now(cls):
        return cls(*cls.today)


def tokenizer(special):
    empty = tokenizers.Tokenizer(tokenizers.models.WordLevel({"x": 0}, unk_token="x"))
    text = {name: token["content"] if isinstance(token, dict) else token for name, token in special.items()}
    return PreTrainedTokenizerFast(tokenizer_object=empty, **{k: v for k, v in text.items() if v is not None})


def render(tokenizer, template, case):
    Clock.today = case["date"] or [2024, 7, 26]
    try:
        text = tokenizer.apply_chat_template(
            CONVERSATIONS[case["conversation"]], chat_template=template, tokenize=False,
            add_generation_prompt=case["add_generation_prompt"], **case["variables"])
        return {"text": text}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


def main():
    chat_template_utils.datetime = Clock
    cases = []
    for name, (_, special) in TEMPLATES.items():
        template = (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
        own = [extra for extra in EXTRA if extra[0] == name]
        talks = FEATURES if name == "features" else CONVERSATIONS
        all_of = [(name, talk, prompt, {}, None) for talk in talks for prompt in (False, True)]
        for _, talk, prompt, variables, date in all_of + own:
            case = {"template": name, "conversation": talk, "add_generation_prompt": prompt, "variables": variables,
                    "date": date}
            cases.append(case | render(tokenizer(special), template, case))
    dates = []
    for day in DATES:
        for text in DATE_FORMATS:
            dates.append({"date": day, "format": text, "text": datetime.datetime(*day).strftime(text)})
    expected = {
        "made_by": f"oracle/chat_templates.py with transformers {transformers.__version__}",
        "templates": {name: {"source": source, "special_tokens": special}
                      for name, (source, special) in TEMPLATES.items()},
        "conversations": CONVERSATIONS,
        "cases": cases,
        "dates": dates,
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    errors = sum("error" in case for case in cases)
    print(f"{len(cases)} cases, {errors} of them errors")


if __name__ == "__main__":
    main()
