"""Makes the tiny random checkpoints of tests/checkpoints, one folder per model family, with the numbers that Python's
transformers computes from them.

    pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3
    cd crates/grpo-lm/tests && python oracle/tiny_checkpoints.py checkpoints [NAME ...]

Every folder holds what `save_pretrained` writes (config.json, generation_config.json, model.safetensors or its shards),
a word-level tokenizer, and expected.json:

    note           versions and how the numbers were made
    stop_tokens    ids that end a completion
    cases          four sequences of different length, each computed alone, in float32:
        ids            [len]
        logits         [len][vocab], six significant digits
        next_logprobs  [len - 1]: log p(ids[i + 1] | ids[..= i])
        sum_logprob    their sum
    greedy         prompt, and the eight tokens that greedy decoding with a cache adds

Folders that end in `-hub` have a config.json spelt as transformers 4 wrote it and as most hub files are: `rope_theta`,
`rope_scaling`, `torch_dtype`, no `layer_types`.

The script fails unless a padded batch and float64 give the same logits, and unless every feature of a family matters:
it takes each away in turn (`Family.matters`) and sees the logits move.
"""

import copy
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import tokenizers
import torch
import transformers
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GenerationConfig,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

VOCAB = 96
LENGTHS = (12, 3, 38, 7)
SPECIAL = ("<unk>", "<bos>", "<eos>")
# How far a padded batch and float64 may be from one float32 sequence at a time.
AGREEMENT = 1e-5
# How far the logits must move when a feature is taken away: ten times the tolerance of the Rust test.
MATTERS = 1e-3
# How far ahead of the next best a greedy token must be.
MARGIN = 0.05
VERSIONS = f"transformers {transformers.__version__}, torch {torch.__version__}, tokenizers {tokenizers.__version__}"

Change = Callable[[PreTrainedConfig], None]


@dataclass
class Family:
    seed: int
    config: PreTrainedConfig
    dtype: torch.dtype = torch.float32
    shard: str = "50GB"
    # Rewrites config.json into the older spelling.
    older: Callable[[dict[str, Any]], None] | None = None
    # Each changes the configuration in a way that must show in the logits.
    matters: dict[str, Change] = field(default_factory=dict)
    # Parameters by name ending: setting them to zero must show in the logits.
    parameters: tuple[str, ...] = ()


def shape(**changes: Any) -> dict[str, Any]:
    return {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "bos_token_id": 1,
        "eos_token_id": 2,
    } | changes


def setting(**values: Any) -> Change:
    def change(config: PreTrainedConfig) -> None:
        for key, value in values.items():
            assert hasattr(config, key), key
            setattr(config, key, copy.deepcopy(value))

    return change


def rope(**values: Any) -> Change:
    """Changes single rope parameters; None takes one away."""

    def change(config: PreTrainedConfig) -> None:
        rope = config.rope_parameters | values
        config.rope_parameters = {key: value for key, value in rope.items() if value is not None}

    return change


def older_spelling(config: dict[str, Any], kind: str = "rope_type") -> None:
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    rope[kind] = rope.pop("rope_type")
    config["rope_scaling"] = None if rope[kind] == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    config.pop("layer_types", None)
    config["transformers_version"] = "4.50.0"


def older_qwen2(config: dict[str, Any]) -> None:
    # Qwen's documentation spells the kind "type".
    older_spelling(config, "type")
    config |= {"use_sliding_window": False, "sliding_window": 32, "max_window_layers": 1}


def older_gemma3(config: dict[str, Any]) -> None:
    rope = config.pop("rope_parameters")
    full, local = rope["full_attention"], rope["sliding_attention"]
    config |= {
        "rope_theta": full.pop("rope_theta"),
        "rope_local_base_freq": local["rope_theta"],
        "rope_scaling": full,
        "sliding_window_pattern": 3,
        "torch_dtype": config.pop("dtype"),
        "transformers_version": "4.50.0",
    }
    # As in google/gemma-3-1b-it: what is left out has Gemma's default (tied embeddings).
    for key in ("_sliding_window_pattern", "layer_types", "tie_word_embeddings", "use_bidirectional_attention"):
        config.pop(key)


def llama(rope_parameters: dict[str, Any] | None = None, **changes: Any) -> LlamaConfig:
    theta = {"rope_type": "default", "rope_theta": 1000.0}
    return LlamaConfig(**shape(rms_norm_eps=1e-5, rope_parameters=rope_parameters or theta, **changes))


# With heads 8 wide and theta 100 the wavelengths are 6.3, 19.9, 62.8 and 199: below 32 / 4, between, and above 32 / 1 twice.
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LLAMA3_MATTERS = {
    "scaling": setting(rope_parameters={"rope_type": "default", "rope_theta": 100.0}),
    "linear instead": setting(rope_parameters={"rope_type": "linear", "rope_theta": 100.0, "factor": 8.0}),
    "low_freq_factor": rope(low_freq_factor=2.0),
    "high_freq_factor": rope(high_freq_factor=5.5),
    "original_max_position_embeddings": rope(original_max_position_embeddings=64),
}
YARN = {"rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 64}
YARN_MATTERS = {
    "scaling": setting(rope_parameters={"rope_type": "default", "rope_theta": 100.0}),
    "attention_factor": rope(attention_factor=1.0),
    "original_max_position_embeddings": rope(original_max_position_embeddings=16),
    "rope_theta": rope(rope_theta=1000.0),
}
LLAMA_PARAMETERS = tuple(
    f"{name}.weight"
    for name in (
        "input_layernorm",
        "post_attention_layernorm",
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )
)
QWEN2_PARAMETERS = (*LLAMA_PARAMETERS, "q_proj.bias", "k_proj.bias", "v_proj.bias")


def gemma3(full: dict[str, Any], **changes: Any) -> Gemma3TextConfig:
    return Gemma3TextConfig(
        **shape(
            head_dim=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            query_pre_attn_scalar=10,
            sliding_window=6,
            rms_norm_eps=1e-3,
            pad_token_id=0,
            rope_parameters={
                "full_attention": full,
                "sliding_attention": {"rope_type": "default", "rope_theta": 40.0},
            },
            **changes,
        )
    )


def gemma_rope(layer_type: str, **values: Any) -> Change:
    def change(config: PreTrainedConfig) -> None:
        config.rope_parameters[layer_type] |= values

    return change


GEMMA3_MATTERS = {
    "sliding_window": setting(sliding_window=7),
    "layer order": lambda c: setattr(c, "layer_types", c.layer_types[::-1][1:] + c.layer_types[-1:]),
    "query_pre_attn_scalar": setting(query_pre_attn_scalar=16),
    "tanh form of gelu": setting(hidden_activation="gelu"),
    "rms_norm_eps": setting(rms_norm_eps=1e-6),
    "rope_theta": gemma_rope("full_attention", rope_theta=40.0),
    "rope_local_base_freq": gemma_rope("sliding_attention", rope_theta=3000.0),
}
GEMMA3_PARAMETERS = (
    *LLAMA_PARAMETERS,
    "pre_feedforward_layernorm.weight",
    "post_feedforward_layernorm.weight",
    "q_norm.weight",
    "k_norm.weight",
    "model.norm.weight",
)

FAMILIES: dict[str, Family] = {
    "llama": Family(
        1,
        llama(),
        matters={"rope_theta": rope(rope_theta=10000.0)},
        parameters=(*LLAMA_PARAMETERS, "model.norm.weight", "lm_head.weight"),
    ),
    "llama3": Family(2, llama(LLAMA3, tie_word_embeddings=True), matters=LLAMA3_MATTERS),
    "llama3-hub": Family(
        3, llama(LLAMA3, tie_word_embeddings=True), older=older_spelling, matters=LLAMA3_MATTERS
    ),
    "llama-linear": Family(
        4,
        llama({"rope_type": "linear", "rope_theta": 100.0, "factor": 4.0}, tie_word_embeddings=True),
        matters={"factor": rope(factor=3.0)},
    ),
    "llama-yarn": Family(
        5,
        llama(
            YARN | {"beta_fast": 8.0, "beta_slow": 0.5},
            head_dim=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            tie_word_embeddings=True,
        ),
        matters=YARN_MATTERS | {"beta_fast": rope(beta_fast=3.0), "beta_slow": rope(beta_slow=2.0)},
    ),
    "llama-sharded": Family(6, llama(), shard="30KB"),
    "llama-bf16": Family(7, llama(tie_word_embeddings=True), dtype=torch.bfloat16),
    "llama-f16": Family(8, llama(tie_word_embeddings=True), dtype=torch.float16),
    "qwen2": Family(
        9,
        Qwen2Config(
            **shape(
                use_sliding_window=False,
                tie_word_embeddings=True,
                rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
            )
        ),
        matters={"rope_theta": rope(rope_theta=10000.0)},
        parameters=QWEN2_PARAMETERS,
    ),
    "qwen2-yarn-hub": Family(
        10,
        Qwen2Config(
            **shape(
                num_attention_heads=2,
                num_key_value_heads=1,
                tie_word_embeddings=True,
                use_sliding_window=False,
                rope_parameters=YARN,
            )
        ),
        older=older_qwen2,
        matters=YARN_MATTERS,
        parameters=QWEN2_PARAMETERS,
    ),
    "qwen3": Family(
        11,
        Qwen3Config(
            **shape(
                head_dim=12,
                use_sliding_window=False,
                tie_word_embeddings=False,
                rms_norm_eps=1e-3,
                rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
            )
        ),
        matters={"rms_norm_eps": setting(rms_norm_eps=1e-6), "rope_theta": rope(rope_theta=10000.0)},
        parameters=(*LLAMA_PARAMETERS, "q_norm.weight", "k_norm.weight", "model.norm.weight", "lm_head.weight"),
    ),
    "gemma3": Family(
        12,
        gemma3(
            {"rope_type": "default", "rope_theta": 3000.0},
            num_hidden_layers=3,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        matters=GEMMA3_MATTERS,
        parameters=GEMMA3_PARAMETERS,
    ),
    "gemma3-hub": Family(
        13,
        # The pattern 3 of the older spelling.
        gemma3(
            {"rope_type": "linear", "rope_theta": 3000.0, "factor": 8.0},
            num_hidden_layers=4,
            layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        ),
        older=older_gemma3,
        matters=GEMMA3_MATTERS | {"factor": gemma_rope("full_attention", factor=1.0)},
        parameters=GEMMA3_PARAMETERS,
    ),
}


def draw(model: PreTrainedModel, seed: int) -> None:
    """Random weights under which every part of the model shows in the logits, whose deviation is about 1.5."""
    generator = torch.Generator().manual_seed(seed)
    gemma = model.config.model_type.startswith("gemma")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if name == "model.norm.weight":
                # Gemma's norms multiply by 1 + weight: by 2, because its embeddings are small.
                parameter.copy_(1.0 + 0.25 * values)
            elif "norm" in name:
                parameter.copy_((0.0 if gemma else 1.0) + 0.25 * values)
            elif name.endswith("bias"):
                parameter.copy_(0.4 * values)
            elif "embed_tokens" in name or "lm_head" in name:
                # Gemma's embeddings are scaled by sqrt(32), and tied: were they larger, every token would predict itself.
                parameter.copy_((0.12 if gemma else 0.25) * values)
            else:
                parameter.copy_(0.2 * values)


def write_tokenizer(folder: Path) -> None:
    words = [*SPECIAL, *(f"t{i}" for i in range(len(SPECIAL), VOCAB))]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    names = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "unk_token": "<unk>",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(names, indent=2) + "\n")


def load(folder: Path, **options: Any) -> PreTrainedModel:
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, **{"dtype": torch.float32, "attn_implementation": "eager", "output_loading_info": True} | options
    )
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[problem], f"{folder.name}: {problem}: {info[problem]}"
    return model.eval()


@torch.no_grad()
def logits_of(model: PreTrainedModel, ids: list[int]) -> torch.Tensor:
    return model(torch.tensor([ids])).logits[0]


@torch.no_grad()
def padded_logits(model: PreTrainedModel, sequences: list[list[int]]) -> list[torch.Tensor]:
    longest = max(map(len, sequences))
    ids = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
    logits = model(ids, attention_mask=mask).logits
    return [row[: len(s)] for row, s in zip(logits, sequences, strict=True)]


def rounded(values: torch.Tensor | float) -> Any:
    """Six significant digits."""
    nested = values.tolist() if isinstance(values, torch.Tensor) else values
    if isinstance(nested, list):
        return [rounded(value) for value in nested]
    return float(f"{nested:.6g}")


def sequences_of(seed: int, lengths: tuple[int, ...] = LENGTHS) -> list[list[int]]:
    generator = torch.Generator().manual_seed(1000 + seed)
    return [torch.randint(len(SPECIAL), VOCAB, (n,), generator=generator).tolist() for n in lengths]


def case_of(model: PreTrainedModel, ids: list[int]) -> dict[str, Any]:
    logits = logits_of(model, ids)
    assert logits.dtype == torch.float32
    scored = logits[:-1].double().log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return {
        "ids": ids,
        "logits": rounded(logits),
        "next_logprobs": rounded(scored),
        "sum_logprob": rounded(scored.sum()),
    }


def largest_difference(left: list[torch.Tensor], right: list[torch.Tensor]) -> float:
    return max((a - b).abs().max().item() for a, b in zip(left, right, strict=True))


@torch.no_grad()
def greedy_of(model: PreTrainedModel, seed: int) -> dict[str, list[int]]:
    """Eight tokens, for the first prompt whose tokens are no near ties and don't end the text."""
    for attempt in range(100):
        prompt = sequences_of(10_000 * (attempt + 1) + seed, (5,))[0]
        out = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=8,
            do_sample=False,
            use_cache=True,
            pad_token_id=0,
        )[0].tolist()
        tokens = out[len(prompt) :]
        steps = logits_of(model, out)[len(prompt) - 1 : -1]
        best, index = steps.topk(2, dim=-1)
        if len(tokens) == 8 and 2 not in tokens and len(set(tokens)) > 3 and (best[:, 0] - best[:, 1]).min() > MARGIN:
            assert index[:, 0].tolist() == tokens, "the cache changes the tokens"
            return {"prompt": prompt, "tokens": tokens}
    raise AssertionError("no prompt with a clear greedy completion")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """One line per key and per case."""

    def compact(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    lines = []
    for key, entry in value.items():
        text = compact(entry)
        if key == "cases":
            text = "[\n" + ",\n".join(map(compact, entry)) + "\n]"
        lines.append(f"{json.dumps(key)}: {text}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def check_matters(folder: Path, family: Family, ids: list[int], logits: torch.Tensor) -> None:
    moved = {}
    for name, change in family.matters.items():
        config = copy.deepcopy(load(folder).config)
        change(config)
        moved[name] = largest_difference([logits], [logits_of(load(folder, config=config), ids)])
    for ending in family.parameters:
        model = load(folder)
        taken = [p for name, p in model.named_parameters() if name.endswith(ending)]
        assert taken, ending
        with torch.no_grad():
            for parameter in taken:
                parameter.zero_()
        moved[ending] = largest_difference([logits], [logits_of(model, ids)])
    for name, difference in moved.items():
        assert difference > MATTERS, f"{folder.name}: {name} moves the logits by {difference:.1e} only"
    if moved:
        least = min(moved, key=moved.get)
        print(f"    {len(moved)} features matter, least of all {least}: {moved[least]:.1e}")


def make(name: str, family: Family, into: Path) -> None:
    folder = into / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = AutoModelForCausalLM.from_config(family.config, attn_implementation="eager")
    draw(made, family.seed)
    rope_parameters = copy.deepcopy(made.config.rope_parameters)
    made.to(family.dtype).save_pretrained(folder, max_shard_size=family.shard)
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)
    if family.older:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        family.older(config)
        path.write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")
    write_tokenizer(folder)

    model = load(folder)
    without_type = {k: v for k, v in model.config.rope_parameters.items() if k != "type"}
    assert without_type == rope_parameters, (without_type, rope_parameters)
    assert getattr(model.config, "layer_types", None) == getattr(family.config, "layer_types", None)
    for key, value in made.state_dict().items():
        assert torch.equal(model.state_dict()[key], value.float()), key
    assert GenerationConfig.from_pretrained(folder).eos_token_id == 2
    # AutoTokenizer would split a qwen2 folder's text Qwen's way, whatever tokenizer.json says.
    assert PreTrainedTokenizerFast.from_pretrained(folder)("t5 <eos> t95 x")["input_ids"] == [5, 2, 95, 0]

    sequences = sequences_of(family.seed)
    single = [logits_of(model, ids) for ids in sequences]
    padded = largest_difference(single, padded_logits(model, sequences))
    double = load(folder).double()
    wide = largest_difference(single, [logits_of(double, ids) for ids in sequences])
    assert max(padded, wide) < AGREEMENT, (padded, wide)
    note = (
        f"Made by oracle/tiny_checkpoints.py with {VERSIONS}. Random weights; float32, eager attention, one sequence "
        f"at a time. A padded batch differs by {padded:.1e}, float64 by {wide:.1e}."
    )
    expected = {
        "note": note,
        "stop_tokens": [2],
        "cases": [case_of(model, ids) for ids in sequences],
        "greedy": greedy_of(model, family.seed),
    }
    write_json(folder / "expected.json", expected)

    size = sum(path.stat().st_size for path in folder.iterdir())
    shards = len(list(folder.glob("*.safetensors")))
    assert size < 300_000 and (shards >= 3) == (family.shard != "50GB"), (size, shards)
    print(
        f"{name}: {size / 1000:.0f} kB in {len(list(folder.iterdir()))} files, {model.num_parameters()} parameters, "
        f"logits with deviation {torch.cat(single).std():.2f}; padded {padded:.1e}, float64 {wide:.1e}"
    )
    check_matters(folder, family, sequences[2], single[2])


def main() -> None:
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    into, names = Path(sys.argv[1]), sys.argv[2:] or list(FAMILIES)
    print(VERSIONS)
    for name in names:
        make(name, FAMILIES[name], into)


if __name__ == "__main__":
    main()
