"""LoRA adapters of the tiny checkpoints, made by Python's peft, and the check of adapters and merged models made by us.

    pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 peft==0.21.2 accelerate==1.15.0
    cd crates/grpo-lm/tests
    python oracle/peft_oracle.py checkpoints             # writes checkpoints/llama-lora and checkpoints/qwen2-rslora
    GRPO_ORACLE=OUT cargo test --release -p grpo-lm --test adapter -- --ignored write_for_peft     # writes OUT/BASE, OUT/BASE-merged
    python oracle/peft_oracle.py --check DIR BASE        # an adapter folder of ours on the model folder BASE
    python oracle/peft_oracle.py --check-merged DIR      # a model folder of ours, adapter merged into it

The checkpoints of tiny_checkpoints.py must be there. An adapter folder holds adapter_config.json and
adapter_model.safetensors as `save_pretrained` writes them, and expected.json as tiny_checkpoints.py does, with

    base           name of the model folder beside it
    cases          ids, logits (adapter on), next_logprobs, sum_logprob, and merged_logits (of `merge_and_unload()`)

without `greedy` and `stop_tokens`. The checks read `cases` of DIR/expected.json, of which `ids` and `logits` must be
there; --check compares `merged_logits` too where there are any. They fail above 1e-4, or when a tensor of the folder is
not used or one is missing.
"""

import argparse
import json
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
sys.dont_write_bytecode = True

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors import safe_open
from tiny_checkpoints import VERSIONS, case_of, largest_difference, load, logits_of, rounded, sequences_of, write_json

TOLERANCE = 1e-4
LENGTHS = (9, 3, 20, 6)
ALL_LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}

# Base, seed, configuration, modules that have an adapter.
ADAPTERS: dict[str, tuple[str, int, dict[str, Any], set[str]]] = {
    "llama-lora": (
        "llama",
        21,
        {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "down_proj"]},
        {"q_proj", "v_proj", "down_proj"},
    ),
    "qwen2-rslora": (
        "qwen2",
        22,
        {"r": 4, "lora_alpha": 6, "target_modules": "all-linear", "use_rslora": True},
        ALL_LINEAR,
    ),
}


def draw(model: PeftModel, seed: int) -> None:
    """Neither A nor B is zero: peft starts with B zero, under which an adapter changes nothing."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.15 * torch.randn(parameter.shape, generator=generator))


def scaled_deltas(folder: Path) -> dict[str, torch.Tensor]:
    """What the adapter adds to each weight, from the files alone: (alpha / r, or alpha / sqrt(r)) * B A."""
    config = json.loads((folder / "adapter_config.json").read_text())
    rank = config["r"]
    scale = config["lora_alpha"] / (rank**0.5 if config["use_rslora"] else rank)
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    deltas = {}
    for name, a in tensors.items():
        if name.endswith(".lora_A.weight"):
            b = tensors[name.replace(".lora_A.", ".lora_B.")]
            deltas[name.removeprefix("base_model.model.").replace(".lora_A.", ".")] = scale * b @ a
    return deltas


def make(name: str, checkpoints: Path) -> None:
    base, seed, options, modules = ADAPTERS[name]
    folder = checkpoints / name
    shutil.rmtree(folder, ignore_errors=True)
    plain = load(checkpoints / base)
    weights = {key: value.clone() for key, value in plain.state_dict().items()}
    sequences = sequences_of(seed, LENGTHS)
    without = [logits_of(plain, ids) for ids in sequences]

    config = LoraConfig(**options, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM")
    model = get_peft_model(plain, config).eval()
    model.peft_config["default"].base_model_name_or_path = base
    draw(model, seed)
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "adapter_model.safetensors").chmod(0o644)
    # A model card that says nothing.
    (folder / "README.md").unlink()
    # peft keeps the names in a set: put them in an order that is the same every time.
    path = folder / "adapter_config.json"
    written = json.loads(path.read_text())
    # peft 0.21 writes "all-linear" as full paths, model.layers.0.self_attn.q_proj and so on.
    assert {name.split(".")[-1] for name in written["target_modules"]} == modules, written["target_modules"]
    written["target_modules"].sort()
    path.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")

    loaded = load_adapter(folder, checkpoints / base)
    cases = [case_of(loaded, ids) for ids in sequences]
    adapted = [logits_of(loaded, ids) for ids in sequences]
    unloaded = loaded.merge_and_unload()
    for key, delta in scaled_deltas(folder).items():
        assert torch.allclose(unloaded.state_dict()[key], weights[key] + delta, atol=1e-6), key
    merged = [logits_of(unloaded, ids) for ids in sequences]
    for case, logits in zip(cases, merged, strict=True):
        case["merged_logits"] = rounded(logits)
    moved, apart = largest_difference(without, adapted), largest_difference(adapted, merged)
    assert moved > 0.5 and apart < 2e-5, (moved, apart)
    note = (
        f"Made by oracle/peft_oracle.py with peft {peft.__version__}, {VERSIONS}. The adapter moves the logits by up to "
        f"{moved:.2f}; merging it, by {apart:.1e}."
    )
    write_json(folder / "expected.json", {"note": note, "base": base, "cases": cases})
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size < 300_000, size
    print(f"{name}: {size / 1000:.0f} kB, {len(scaled_deltas(folder))} weights adapted; {note}")


def load_adapter(folder: Path, base: Path) -> PeftModel:
    with warnings.catch_warnings():
        # peft only warns of tensors that the file lacks.
        warnings.filterwarnings("error", message=".*missing adapter keys.*")
        model = PeftModel.from_pretrained(load(base), folder)
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        given = {name: file.get_tensor(name) for name in file.keys()}
    used = get_peft_model_state_dict(model, save_embedding_layers=False)
    assert given.keys() == used.keys(), f"{folder.name}: not in both: {sorted(given.keys() ^ used.keys())}"
    for name, tensor in given.items():
        assert torch.equal(tensor.float(), used[name].float()), name
    return model.eval()


def compare(model: Any, cases: list[dict[str, Any]], key: str, label: str) -> float:
    expected = [torch.tensor(case[key]) for case in cases]
    found = [logits_of(model, case["ids"]) for case in cases]
    for left, right in zip(expected, found, strict=True):
        assert left.shape == right.shape, (left.shape, right.shape)
    difference = largest_difference(expected, found)
    spread = torch.cat(found).std().item()
    print(f"{label}: {len(cases)} cases, logits with deviation {spread:.3f}, largest difference {difference:.2e}")
    return difference


def check(folder: Path, base: Path) -> float:
    cases = json.loads((folder / "expected.json").read_text())["cases"]
    model = load_adapter(folder, base)
    difference = compare(model, cases, "logits", f"{folder.name} on {base.name}")
    unloaded = model.merge_and_unload()
    key = "merged_logits" if "merged_logits" in cases[0] else "logits"
    return max(difference, compare(unloaded, cases, key, f"{folder.name} merged into {base.name} by peft"))


def check_merged(folder: Path) -> float:
    cases = json.loads((folder / "expected.json").read_text())["cases"]
    return compare(load(folder), cases, "logits", folder.name)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoints", type=Path, nargs="?")
    parser.add_argument("--check", type=Path, nargs=2, metavar=("DIR", "BASE"))
    parser.add_argument("--check-merged", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    print(f"peft {peft.__version__}, {VERSIONS}")
    if arguments.check:
        return int(check(*arguments.check) > TOLERANCE)
    if arguments.check_merged:
        return int(check_merged(arguments.check_merged) > TOLERANCE)
    if not arguments.checkpoints:
        parser.error("name the folder of checkpoints")
    for name in ADAPTERS:
        make(name, arguments.checkpoints)
    return 0


if __name__ == "__main__":
    sys.exit(main())
