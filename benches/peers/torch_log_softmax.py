"""Times PyTorch's log_softmax and gather on the work of the Criterion group `log_probs`.

Usage: torch_log_softmax.py [--episodes 16] [--steps 128] [--vocab 2048] [--threads 2] [--repeat 200]
One JSON line each for forward and for forward plus backward: median and best milliseconds. Needs torch.
"""
import argparse, json, statistics, time
import torch

parser = argparse.ArgumentParser()
for flag, default in dict(episodes=16, steps=128, vocab=2048, threads=2, repeat=200).items():
    parser.add_argument("--" + flag, type=int, default=default)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(0)
logits = torch.rand(args.episodes, args.steps, args.vocab) * 8
target = torch.randint(args.vocab, (args.episodes, args.steps, 1))


def forward(x):
    return torch.log_softmax(x, -1).gather(2, target)


def backward(x):
    x.grad = None
    forward(x).sum().backward()


for name, work, x in [("forward", forward, logits), ("forward+backward", backward, logits.clone().requires_grad_())]:
    times = []
    for _ in range(args.repeat):
        begin = time.perf_counter()
        work(x)
        times.append(1e3 * (time.perf_counter() - begin))
    print(json.dumps(dict(path=name, median_ms=round(statistics.median(times), 3), best_ms=round(min(times), 3))))
