"""Compares model folders written by grpo-lm with what Python's transformers makes of them.

    pip install torch transformers
    GRPO_ORACLE=DIR cargo test --release -p grpo-lm --test folder -- --ignored write_for_transformers
    python transformers_parity.py DIR

For every DIR/NAME.json there is a model folder DIR/NAME. Prints the largest difference of a logit for each, and fails
above 1e-4, or when token ids, decoded text or stop tokens differ. GRPO_ORACLE_MODEL=FOLDER adds a model of your own.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

TOLERANCE = 1e-4


def compare(folder: Path) -> float:
    expected = json.loads(folder.with_suffix(".json").read_text())
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[problem], f"{folder.name}: {problem}: {info[problem]}"
    assert model.dtype == torch.float32, model.dtype
    tokenizer = AutoTokenizer.from_pretrained(folder)
    stops = GenerationConfig.from_pretrained(folder).eos_token_id
    assert stops == expected["stop_tokens"], stops
    largest = 0.0
    for case in expected["cases"]:
        assert tokenizer(case["text"])["input_ids"] == case["ids"], case["text"]
        assert tokenizer.decode(case["ids"], skip_special_tokens=True) == case["decoded"], case["text"]
        with torch.no_grad():
            logits = model(torch.tensor([case["ids"]])).logits[0]
        largest = max(largest, (logits - torch.tensor(case["logits"])).abs().max().item())
    spread = torch.tensor(expected["cases"][0]["logits"]).std().item()
    print(f"{folder.name}: {model.num_parameters()} parameters, logits with standard deviation {spread:.3f}, "
          f"largest difference {largest:.2e}")
    return largest


def main() -> int:
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    folders = sorted(path.with_suffix("") for path in Path(sys.argv[1]).glob("*.json"))
    assert folders, "nothing to compare"
    return int(max(compare(folder) for folder in folders) > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
