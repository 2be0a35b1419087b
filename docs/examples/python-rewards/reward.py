"""A reward in Python: for each batch, one line of JSON comes in and one goes out. Standard library only."""
import json, sys


def reward(sample):
    if sample["reference"] is None:
        return None  # not applicable
    answer = sample["completion"].rpartition("####")[2].strip()
    right = answer == sample["reference"]
    reason = f"{answer!r} {'is' if right else 'is not'} {sample['reference']!r}"
    return {"score": float(right), "reason": reason, "extracted": answer}


def guarded(sample):
    try:
        return reward(sample)
    except Exception as error:  # costs this sample's score, and no other
        return {"error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    request = json.loads(line)
    answer = {"id": request["id"], "scores": [guarded(sample) for sample in request["samples"]]}
    print(json.dumps(answer), flush=True)  # unflushed, it would wait in Python's buffer
