"""Makes tests/golden/samplers.json: what the logits processors of Python's transformers leave to choose from.

    pip install torch==2.15.0 transformers==5.23.0
    cd crates/grpo-rollout/tests && python oracle/samplers.py golden/samplers.json

Every case holds

    name
    sampling    settings as `grpo_rollout::Sampling` reads them
    logits      [vocab], exact in float32; null is -inf
    prompt, completion, ends    ids; `ends` are the end-of-sequence ids
    kept        ids that can be drawn, ascending
    log_probs   natural log-probability of each of them
    entropy     in nats

computed in float64 by the processors themselves, in the order in which `generate` applies them. With temperature 0,
`kept` is the id that `argmax` takes, and `log_probs` and `entropy` are those at temperature 1.

transformers leaves open which of equally probable tokens top-p drops (it sorts unstably), so logits are distinct in the
cases with top-p. Cases where rounding could decide whether a token is kept are drawn anew.
"""

import json
import math
import random
import sys
from pathlib import Path

import torch
from transformers import (
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

MARGIN = 1e-5


def processors(sampling: dict, prompt: list[int], ends: list[int]) -> LogitsProcessorList:
    of = LogitsProcessorList()
    if "repetition_penalty" in sampling:
        of.append(RepetitionPenaltyLogitsProcessor(sampling["repetition_penalty"]))
    if "min_new_tokens" in sampling:
        of.append(MinNewTokensLengthLogitsProcessor(len(prompt), sampling["min_new_tokens"], ends))
    if sampling["temperature"] == 0:
        return of
    of.append(TemperatureLogitsWarper(sampling["temperature"]))
    if "top_k" in sampling:
        of.append(TopKLogitsWarper(sampling["top_k"]))
    if "top_p" in sampling:
        of.append(TopPLogitsWarper(sampling["top_p"]))
    if "min_p" in sampling:
        of.append(MinPLogitsWarper(sampling["min_p"]))
    return of


def doubtful(processor: object, scores: torch.Tensor) -> bool:
    """Whether a probability lies so near to the processor's threshold that float32 could decide otherwise."""
    probabilities = scores.softmax(-1)
    if isinstance(processor, TopPLogitsWarper):
        cumulative = probabilities.sort(descending=True).values.cumsum(-1)
        return bool((cumulative - processor.top_p).abs().min() < MARGIN)
    if isinstance(processor, MinPLogitsWarper):
        relative = probabilities / probabilities.max()
        return bool((relative / processor.min_p - 1).abs().min() < MARGIN)
    return False


def case(name: str, seed: int, vocab: int, sampling: dict, impossible: int) -> dict | None:
    draw = random.Random(seed)
    spread = draw.choice([1.0, 3.0, 6.0])
    # Sixty-fourths are exact in float32 and collide now and then; 2^-16ths hardly do.
    grain = 65536 if "top_p" in sampling else 64
    logits = [round(draw.gauss(0, spread) * grain) / grain for _ in range(vocab)]
    if "top_p" in sampling and len(set(logits)) < vocab:
        return None
    for id in draw.sample(range(vocab), impossible):
        logits[id] = -math.inf
    prompt = [draw.randrange(vocab) for _ in range(draw.randint(1, 6))]
    completion = [draw.randrange(vocab) for _ in range(draw.randint(0, 6))]
    ends = sorted(draw.sample(range(vocab), 2))
    ids = torch.tensor([prompt + completion])
    scores = torch.tensor([logits], dtype=torch.float64)
    for processor in processors(sampling, prompt, ends):
        if doubtful(processor, scores):
            return None
        scores = processor(ids, scores)
    log_probs = scores[0].log_softmax(-1)
    if sampling["temperature"] == 0:
        kept = [int(scores[0].argmax())]
        if (scores[0] == scores[0].max()).sum() > 1:
            return None
    else:
        kept = torch.isfinite(scores[0]).nonzero().flatten().tolist()
    probabilities = log_probs.exp()
    entropy = -(probabilities * log_probs.nan_to_num(neginf=0.0)).sum()
    return {
        "name": name,
        "sampling": sampling,
        "logits": [None if z == -math.inf else z for z in logits],
        "prompt": prompt,
        "completion": completion,
        "ends": ends,
        "kept": kept,
        "log_probs": [round(float(log_probs[id]), 9) for id in kept],
        "entropy": round(float(entropy), 9),
    }


def main(path: Path) -> None:
    settings = [
        {},
        {"top_k": 1},
        {"top_k": 5},
        {"top_k": 1000},
        {"top_p": 0.01},
        {"top_p": 0.5},
        {"top_p": 0.95},
        {"min_p": 0.05},
        {"min_p": 0.5},
        {"repetition_penalty": 1.3},
        {"repetition_penalty": 0.7},
        {"min_new_tokens": 4},
        {"top_k": 12, "top_p": 0.8},
        {"top_p": 0.9, "min_p": 0.1},
        {"top_k": 9, "min_p": 0.2},
        {"top_k": 10, "top_p": 0.9, "min_p": 0.1},
        {"repetition_penalty": 1.2, "min_new_tokens": 9, "top_k": 20, "top_p": 0.95, "min_p": 0.02},
    ]
    cases = []

    def add(name: str, vocab: int, sampling: dict, impossible: int) -> None:
        for attempt in range(1000):
            made = case(name, 1000 * len(cases) + attempt, vocab, sampling, impossible)
            if made is not None:
                cases.append(made)
                return
        raise SystemExit(f"{name}: no case without doubt")

    for at, rules in enumerate(settings):
        what = " ".join(f"{key}={value}" for key, value in rules.items()) or "plain"
        for vocab, temperature in ((24, 1.0), (150, [0.6, 0.9, 1.5][at % 3])):
            sampling = {"temperature": temperature, **rules}
            add(f"{what} at {temperature}, {vocab} tokens", vocab, sampling, impossible=at % 3)
    for rules in ({}, {"repetition_penalty": 1.5, "min_new_tokens": 7}, {"top_k": 3, "top_p": 0.5}):
        what = " ".join(f"{key}={value}" for key, value in rules.items()) or "plain"
        add(f"greedy {what}", 40, {"temperature": 0.0, **rules}, impossible=1)
    for rules in ({"top_k": 300, "top_p": 0.9}, {"top_p": 0.97}, {"top_k": 700}):
        what = " ".join(f"{key}={value}" for key, value in rules.items())
        add(f"{what}, 1100 tokens", 1100, {"temperature": 1.1, **rules}, impossible=5)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path.write_text(f'{{"format":1,"cases":[\n{lines}\n]}}\n')
    print(f"{len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
