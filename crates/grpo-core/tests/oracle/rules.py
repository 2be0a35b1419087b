"""Writes tests/golden/rules.json: log-probabilities, entropies and gradients of what a sampler drew from, in float64.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==5.23.0
    venv/bin/python rules.py ../golden/rules.json

The sampler is transformers' own: its logits processors (repetition penalty, min new tokens, temperature, top-k, top-p, min-p, in the
order that `generate` puts them in) work on the logits of every step, with autograd through them. The rules of a case are read off what
they did: which ids were in the text by then, and which are still finite. Hidden states, weights and bias are exact in float32.
"""

import json
import sys

import torch
from transformers import (
    MinNewTokensLengthLogitsProcessor,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

EPISODES, STEPS, WIDTH, VOCAB, EOS = 2, 4, 3, 37, 2

CASES = {
    "top_k": dict(top_k=5),
    "top_p": dict(top_p=0.8),
    "min_p": dict(min_p=0.1, temperature=1.5),
    "min_new_tokens": dict(min_new_tokens=3),
    "penalty": dict(repetition_penalty=1.3),
    "penalty_below_one": dict(repetition_penalty=0.8, temperature=0.7),
    "everything": dict(
        repetition_penalty=1.2, min_new_tokens=2, temperature=0.8, top_k=20, top_p=0.95, min_p=0.01, biased=True
    ),
}


def draw(generator, *shape, size):
    return (torch.empty(*shape).uniform_(-size, size, generator=generator)).double()


def processors(case, prompt):
    if (penalty := case.get("repetition_penalty", 1.0)) != 1.0:
        yield RepetitionPenaltyLogitsProcessor(penalty)
    if steps := case.get("min_new_tokens"):
        yield MinNewTokensLengthLogitsProcessor(len(prompt), steps, EOS)
    if (temperature := case.get("temperature", 1.0)) != 1.0:
        yield TemperatureLogitsWarper(temperature)
    if top_k := case.get("top_k"):
        yield TopKLogitsWarper(top_k)
    if top_p := case.get("top_p"):
        yield TopPLogitsWarper(top_p)
    if min_p := case.get("min_p"):
        yield MinPLogitsWarper(min_p)


def run(name, case, seed):
    generator = torch.Generator().manual_seed(seed)
    hidden = draw(generator, EPISODES, STEPS, WIDTH, size=2.0).requires_grad_()
    weight = draw(generator, VOCAB, WIDTH, size=1.0).requires_grad_()
    bias = draw(generator, VOCAB, size=1.0).requires_grad_()
    for_log_prob = draw(generator, EPISODES, STEPS, size=1.0)
    for_entropy = draw(generator, EPISODES, STEPS, size=1.0)
    biased = case.get("biased", False)
    targets, log_probs, entropies, episodes = [], [], [], []
    for episode in range(EPISODES):
        prompt = torch.randint(VOCAB, (4,), generator=generator).tolist()
        ids, allowed = list(prompt), []
        for step in range(STEPS):
            scores = hidden[episode, step] @ weight.T + (bias if biased else 0.0)
            scores = scores.unsqueeze(0)
            for processor in processors(case, prompt):
                # Each id once for the penalty: its scatter has a gradient for every copy of an id, where the value is written once.
                once = isinstance(processor, RepetitionPenaltyLogitsProcessor)
                text = sorted(set(ids)) if once else ids
                scores = processor(torch.tensor([text]), scores)
            finite = scores[0].isfinite()
            count = int(finite.sum())
            if count == VOCAB:
                allowed.append(None)
            elif count > VOCAB // 2:
                allowed.append({"without": (~finite).nonzero().flatten().tolist()})
            else:
                allowed.append({"only": finite.nonzero().flatten().tolist()})
            log_p = scores[0].log_softmax(-1)
            p = log_p.exp()
            target = int(torch.multinomial(p.detach(), 1, generator=generator))
            log_probs.append(log_p[target])
            kept = finite.nonzero().flatten()
            entropies.append(-(p[kept] * log_p[kept]).sum())
            targets.append(target)
            ids.append(target)
        seen = {}
        for at, token in enumerate(ids):
            seen.setdefault(token, max(0, at - len(prompt) + 1))
        while allowed and allowed[-1] is None:
            allowed.pop()
        episodes.append({"seen": sorted(seen.items()), "allowed": allowed})
    grid = lambda values: torch.stack(values).reshape(EPISODES, STEPS)
    log_probs, entropies = grid(log_probs), grid(entropies)
    (for_log_prob * log_probs + for_entropy * entropies).sum().backward()
    return {
        "name": f"transformers/{name}",
        "shape": [EPISODES, STEPS],
        "config": {
            "temperature": case.get("temperature", 1.0),
            "repetition_penalty": case.get("repetition_penalty", 1.0),
            "biased": biased,
        },
        "inputs": {
            "hidden": hidden.flatten(0, 1).tolist(),
            "weight": weight.tolist(),
            "bias": [bias.tolist()],
            "targets": torch.tensor(targets).reshape(EPISODES, STEPS).tolist(),
            "rules": episodes,
            "for_log_prob": for_log_prob.tolist(),
            "for_entropy": for_entropy.tolist(),
        },
        "expected": {
            "log_probs": log_probs.tolist(),
            "entropies": entropies.tolist(),
            "grad_hidden": hidden.grad.flatten(0, 1).tolist(),
            "grad_weight": weight.grad.tolist(),
            "grad_bias": [bias.grad.tolist()] if biased else None,
        },
        "source": {
            "expected_from": "PyTorch float64 autograd through transformers' logits processors",
            "agrees": [],
            "note": None,
        },
    }


cases = [run(name, case, seed) for seed, (name, case) in enumerate(CASES.items())]
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
with open(sys.argv[1], "w") as file:
    file.write('{"format":1,"cases":[\n' + lines + "\n]}\n")
