"""The peer of `grpo bench`: times TRL's GRPOTrainer on a local Hugging Face checkpoint and prints one JSON line.

    pip install torch transformers "trl==1.16.0"
    python trl_baseline.py MODEL_DIR [--prompts 4] [--group 8] [--prompt-len 32] [--new-tokens 64] [--steps 6]
                           [--threads 2] [--checkpointing]

The work is that of `grpo bench`: every step answers the prompts with completions of exactly --new-tokens tokens (the end of the
sequence is suppressed), scores them by their share of the letter e, and updates all parameters by AdamW, without a KL term. The
first step warms up and isn't counted. Seconds are medians; first_step_s counts from the start of the process.
"""

import argparse
import json
import logging
import os
import resource
import statistics
import tempfile
import time
import warnings

BEGIN = time.perf_counter()
warnings.filterwarnings("ignore")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

parser = argparse.ArgumentParser()
parser.add_argument("model")
for flag, default in dict(prompts=4, group=8, prompt_len=32, new_tokens=64, steps=6, threads=2).items():
    parser.add_argument("--" + flag.replace("_", "-"), type=int, default=default)
parser.add_argument("--checkpointing", action="store_true")
args = parser.parse_args()

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

TEXT = "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "

torch.set_num_threads(args.threads)
logging.disable(logging.WARNING)
tokenizer = AutoTokenizer.from_pretrained(args.model)
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token or "</s>"
model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
ids = tokenizer(TEXT * (1 + args.prompt_len // 8), add_special_tokens=False)["input_ids"][: args.prompt_len]
prompt = tokenizer.decode(ids)
dataset = Dataset.from_list([{"prompt": prompt}] * (args.prompts * (args.steps + 2)))


def letter_e(completions, **_):
    """Any reward that can be computed will do."""
    return [c.count("e") / max(len(c), 1) for c in completions]


config = GRPOConfig(
    output_dir=tempfile.mkdtemp(),
    per_device_train_batch_size=args.prompts * args.group,
    num_generations=args.group,
    max_completion_length=args.new_tokens,
    max_steps=args.steps,
    beta=0.0,
    loss_type="dapo",
    learning_rate=1e-5,
    bf16=False,
    fp16=False,
    gradient_checkpointing=args.checkpointing,
    logging_steps=1,
    save_strategy="no",
    report_to=[],
    use_cpu=True,
    disable_tqdm=True,
    generation_kwargs={"min_new_tokens": args.new_tokens},
    dataloader_num_workers=0,
)
trainer = GRPOTrainer(
    model=model, reward_funcs=letter_e, args=config, train_dataset=dataset, processing_class=tokenizer
)
startup = time.perf_counter() - BEGIN
steps, generations, begins, ends = [], [], [], []


class Clock(TrainerCallback):
    def on_step_begin(self, *_, **__):
        begins.append(time.perf_counter())

    def on_step_end(self, *_, **__):
        ends.append(time.perf_counter())
        steps.append(ends[-1] - begins[-1])


def timed(inner):
    def call(*positional, **named):
        begin = time.perf_counter()
        out = inner(*positional, **named)
        generations.append(time.perf_counter() - begin)
        return out

    return call


trainer._generate = timed(trainer._generate)
trainer.add_callback(Clock())
trainer.train()

step, generate = statistics.median(steps[1:]), statistics.median(generations[1:])
tokens = args.prompts * args.group * args.new_tokens
log = [line for line in trainer.state.log_history if "reward" in line]
print(
    json.dumps(
        dict(
            peer="trl",
            torch=torch.__version__,
            parameters=sum(p.numel() for p in model.parameters()),
            startup_s=startup,
            first_step_s=ends[0] - BEGIN,
            step_s=step,
            generate_s=generate,
            update_s=step - generate,
            tokens_per_s=tokens / step,
            decode_tokens_per_s=tokens / generate,
            peak_rss_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            prompt_tokens=len(ids),
            mean_length=log[-1].get("completions/mean_length") if log else None,
            reward_first=log[0]["reward"] if log else None,
            reward_last=log[-1]["reward"] if log else None,
        )
    )
)
