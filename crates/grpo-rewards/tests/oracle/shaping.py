"""Golden numbers for grpo-rewards' `shaping`, computed without it.

    pip install numpy==2.4.6 pymoo==0.6.2
    python oracle/shaping.py fixtures/shaping.json        # in crates/grpo-rewards/tests

Sessions are drawn from a fixed seed; measures, returns and combinations are written down again from their definitions with NumPy. Pareto
fronts come from pymoo (NSGA-II's non-dominated sorting) and, peeled off one after another by comparing all pairs, from this file; the
two must agree. Crowding distances follow the definition with distinct neighbours, which is pymoo's where no value is shared.
"""

import json
import sys

import numpy as np
from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

rng = np.random.default_rng(20260923)


# Sessions -------------------------------------------------------------------------------------------------------------------------


def maybe(p, value):
    return value if rng.random() < p else None


def present(**fields):
    return {key: value for key, value in fields.items() if value is not None}


def draw_session():
    skills = int(rng.integers(1, 7))
    full = float(rng.choice([1.0, 10.0, 37.0]))
    known = rng.random() < 0.85
    record = {"skills": skills, "full_score": full}
    score = lambda: float(rng.choice([0.0, full, rng.uniform(0, full), rng.uniform(0, full), rng.uniform(0, full)]))
    if rng.random() < 0.9:
        record["initial_score"] = score()
    if rng.random() < 0.9:
        record["final_score"] = score()
    tests = int(rng.integers(0, 4))
    if tests:
        record["delayed"] = [{"seconds": float(rng.choice([60, 86400, 604800])), "score": score()} for _ in range(tests)]
    if known:
        record["initial_mastery"] = [float(x) for x in rng.choice([0.0, 0.3, 0.96, 0.5], skills) + rng.uniform(0, 0.03, skills)]
    if rng.random() < 0.8:
        edges = [[a, b] for b in range(skills) for a in range(b) if rng.random() < 0.4]
        record["prerequisites"] = edges
    p_time, p_hint, p_success = rng.choice([0.0, 1.0, 1.0, 0.8], 3)
    steps = []
    for _ in range(int(rng.integers(0, 13))):
        changed = sorted(rng.choice(skills, int(rng.integers(0, min(skills, 3) + 1)), replace=False).tolist()) if known else []
        mastery = [[int(k), float(rng.choice([0.95, rng.uniform(), rng.uniform(0.9, 1.0)]))] for k in changed]
        steps.append(
            present(
                skill=maybe(0.9, int(rng.integers(skills))),
                correct=maybe(0.85, bool(rng.random() < 0.4)),
                success=maybe(p_success, float(rng.uniform())),
                difficulty=maybe(0.8, float(rng.normal())),
                seconds=maybe(p_time, float(rng.choice([rng.uniform(0, 6), rng.uniform(5, 60), rng.uniform(60, 400)]))),
                hints=maybe(p_hint, int(rng.integers(0, 6))),
                mastery=mastery or None,
            )
        )
    record["steps"] = steps
    return record


# Measures -------------------------------------------------------------------------------------------------------------------------


def states(session):
    """Mastery before each step and after the last one, one row each; None where it is not known."""
    if "initial_mastery" not in session:
        return None
    rows = [np.array(session["initial_mastery"])]
    for step in session["steps"]:
        row = rows[-1].copy()
        for skill, value in step.get("mastery", []):
            row[skill] = value
        rows.append(row)
    return np.array(rows)


def learning_gain(s, formula="hake"):
    if "initial_score" not in s or "final_score" not in s:
        return None
    pre, post, full = s["initial_score"], s["final_score"], s["full_score"]
    if formula == "hake":
        return None if pre == full else (post - pre) / (full - pre)
    if post == pre:
        return None if pre in (0, full) else 0.0
    return (post - pre) / (full - pre) if post > pre else (post - pre) / pre


def retention(s, of="full", not_before=0.0):
    pre, post, full = s.get("initial_score"), s.get("final_score"), s["full_score"]
    late = [t["score"] for t in s.get("delayed", []) if t["seconds"] >= not_before]
    low, high = {"full": (pre, full), "gain": (pre, post), "final": (0.0, post)}[of]
    if not late or low is None or high is None or high <= low:
        return None
    return float(np.mean((np.array(late) - low) / (high - low)))


def mastery(s, threshold=0.95, of="all"):
    m = states(s)
    if m is None:
        return None
    practised = np.isin(np.arange(s["skills"]), [t["skill"] for t in s["steps"] if "skill" in t])
    counted = {"all": np.ones(s["skills"], bool), "missing": m[0] < threshold, "practised": practised}[of]
    return float(np.mean(m[-1][counted] >= threshold)) if counted.any() else None


def time_to_mastery(s, horizon, clock="steps", threshold=0.95, share=1.0):
    m = states(s)
    if m is None:
        return None
    durations = [1.0 if clock == "steps" else t.get("seconds") for t in s["steps"]]
    if None in durations:
        return None
    times = np.concatenate([[0.0], np.cumsum(durations)])
    reached = times[np.mean(m >= threshold, axis=1) >= share - 1e-12]
    return float(min(reached[0], horizon) / horizon) if reached.size else 1.0


def time_on_task(s, seconds_per_unit=1.0, idle_after=np.inf):
    seconds = [t.get("seconds") for t in s["steps"]]
    return None if None in seconds else float(np.minimum(seconds, idle_after).sum() / seconds_per_unit) if seconds else 0.0


def hint_cost(s, full_at=3):
    hints = [t.get("hints") for t in s["steps"]]
    return float(np.clip(np.array(hints) / full_at, 0, 1).mean()) if hints and None not in hints else None


def frustration(s, wrong_in_a_row=3, jump=None):
    steps = s["steps"]
    bad, seen = np.zeros(len(steps), bool), False
    # Runs of wrong answers among the answers alone.
    answered = [(i, t["correct"]) for i, t in enumerate(steps) if "correct" in t]
    seen |= bool(answered)
    for place, (i, _) in enumerate(answered):
        last = [right for _, right in answered[max(0, place + 1 - wrong_in_a_row) : place + 1]]
        bad[i] |= len(last) == wrong_in_a_row and not any(last)
    if jump:
        (kind, most), = jump.items()
        key, sign = {"success_falls_by": ("success", -1), "difficulty_rises_by": ("difficulty", 1)}[kind]
        for i in range(1, len(steps)):
            if key in steps[i] and key in steps[i - 1]:
                seen = True
                bad[i] |= sign * (steps[i][key] - steps[i - 1][key]) > most
    return float(bad.mean()) if seen else None


def pacing(s, too_fast=3.0, too_slow=np.inf):
    seconds = np.array([t["seconds"] for t in s["steps"] if "seconds" in t])
    return float(((seconds < too_fast) | (seconds > too_slow)).mean()) if seconds.size else None


def zone(s, target=0.85, shape="squared"):
    p = np.array([t["success"] for t in s["steps"] if "success" in t])
    if not p.size:
        return None
    d = np.abs(p - target)
    if shape == "squared":
        return float(np.mean(1 - d**2 / max(target, 1 - target) ** 2))
    within, gone = shape["plateau"]["within"], shape["plateau"]["gone"]
    return float(np.mean(np.interp(d, [within, gone], [1.0, 0.0])))


def prerequisites(s, met_by="either", threshold=0.95):
    m = states(s)
    if "prerequisites" not in s or (met_by == "mastery" and m is None):
        return None
    sequence = [t.get("skill") for t in s["steps"]]
    verdicts = []
    for skill in sorted({k for k in sequence if k is not None}):
        first = sequence.index(skill)
        practised = set(sequence[:first])
        mastered = set() if m is None else set(np.flatnonzero(m[first] >= threshold).tolist())
        met = {"either": practised | mastered, "practice": practised, "mastery": mastered}[met_by]
        verdicts.append({a for a, b in s["prerequisites"] if b == skill} <= met)
    return float(np.mean(verdicts)) if verdicts else None


SPECS = [
    {"kind": "learning_gain"},
    {"kind": "learning_gain", "formula": "normalized_change"},
    {"kind": "retention"},
    {"kind": "retention", "of": "gain", "not_before": 3600.0},
    {"kind": "retention", "of": "final"},
    {"kind": "mastery"},
    {"kind": "mastery", "threshold": 0.5, "of": "missing"},
    {"kind": "mastery", "of": "practised"},
    {"kind": "time_to_mastery", "horizon": 8.0, "share": 0.5},
    {"kind": "time_to_mastery", "horizon": 300.0, "share": 0.4, "clock": "seconds", "threshold": 0.6},
    {"kind": "time_on_task"},
    {"kind": "time_on_task", "seconds_per_unit": 60.0, "idle_after": 90.0},
    {"kind": "hint_cost"},
    {"kind": "hint_cost", "full_at": 5},
    {"kind": "frustration"},
    {"kind": "frustration", "wrong_in_a_row": 2, "jump": {"success_falls_by": 0.3}},
    {"kind": "frustration", "wrong_in_a_row": 1, "jump": {"difficulty_rises_by": 1.0}},
    {"kind": "pacing"},
    {"kind": "pacing", "too_fast": 5.0, "too_slow": 100.0},
    {"kind": "zone"},
    {"kind": "zone", "target": 0.5, "shape": {"plateau": {"within": 0.1, "gone": 0.35}}},
    {"kind": "prerequisites"},
    {"kind": "prerequisites", "met_by": "practice"},
    {"kind": "prerequisites", "met_by": "mastery", "threshold": 0.5},
]


def measure(spec, session):
    settings = {key: value for key, value in spec.items() if key != "kind"}
    return globals()[spec["kind"]](session, **settings)


# Potential-based shaping ----------------------------------------------------------------------------------------------------------

SHAPINGS = [
    {},
    {"weight": 2.5, "discount": 0.9},
    {"potential": {"mastered_at": 0.6}, "weight": -1.0, "discount": 0.5},
]


def shaping(session, potential="mean_mastery", weight=1.0, discount=1.0):
    m = states(session)
    if m is None:
        return None
    phi = weight * (m if potential == "mean_mastery" else m >= potential["mastered_at"]).mean(axis=1)
    after = phi[1:].copy()
    if after.size:
        after[-1] = 0.0
    rewards = discount * after - phi[:-1]
    total = float(np.sum(rewards * discount ** np.arange(len(rewards))))
    assert len(rewards) == 0 or abs(total + phi[0]) < 1e-12
    return {"potentials": phi.tolist(), "rewards": rewards.tolist(), "return": total}


# Pareto ---------------------------------------------------------------------------------------------------------------------------


def dominates(a, b):
    return bool(np.all(a >= b) and np.any(a > b))


def fronts(points):
    """Fronts peeled off one after another, all pairs compared; must be pymoo's."""
    ranks, left, rank = np.full(len(points), -1), set(range(len(points))), 0
    while left:
        front = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        ranks[list(front)] = rank
        left, rank = left - front, rank + 1
    theirs = np.empty(len(points), int)
    for rank, front in enumerate(NonDominatedSorting(method="fast_non_dominated_sort").do(-points)):
        theirs[front] = rank
    assert np.array_equal(ranks, theirs)
    return ranks


def crowding(points, ranks):
    """For each objective the gap between the nearest other values over the front's range; pymoo's where values are distinct."""
    distances = np.zeros(len(points))
    for rank in np.unique(ranks):
        front = np.flatnonzero(ranks == rank)
        own = points[front]
        ranges = np.ptp(own, axis=0)
        result = np.zeros(len(front)) if ranges.any() else np.full(len(front), np.inf)
        for column, extent in zip(own.T, ranges):
            if extent == 0:
                continue
            for i, value in enumerate(column):
                above, below = column[column > value], column[column < value]
                result[i] += (above.min() - below.max()) / extent if above.size and below.size else np.inf
        if len(own) > 2 and all(len(np.unique(column)) == len(column) for column in own.T):
            np.testing.assert_allclose(result, calc_crowding_distance(-own) * own.shape[1], rtol=1e-12)
        distances[front] = result
    return distances


def worths(ranks, distances):
    n = len(ranks)
    if n == 1:
        return [0.5]
    key = list(zip(ranks, -distances))
    beats = lambda i, j: key[i] < key[j]
    return [sum(beats(i, j) + 0.5 * (not beats(i, j) and not beats(j, i)) for j in range(n) if j != i) / (n - 1) for i in range(n)]


def pareto_case(points):
    points = np.array(points, float)
    ranks = fronts(points)
    distances = crowding(points, ranks)
    return {
        "points": points.tolist(),
        "fronts": ranks.tolist(),
        "crowding": [None if np.isinf(d) else float(d) for d in distances],
        "by_rank": worths(ranks, np.zeros(len(ranks))),
        "by_rank_and_crowding": worths(ranks, distances),
    }


def pareto_cases():
    cases = []
    for n, objectives in [(1, 1), (2, 2), (8, 1), (8, 2), (16, 2), (16, 3), (40, 3), (25, 5)]:
        cases.append(pareto_case(rng.normal(size=(n, objectives))))
        cases.append(pareto_case(rng.integers(0, 4, size=(n, objectives))))
    cases.append(pareto_case(np.ones((5, 3))))
    # One front of a whole group; and copies of its ends.
    line = np.linspace(0, 1, 9)
    cases.append(pareto_case(np.c_[line, 1 - line]))
    cases.append(pareto_case(np.c_[np.r_[line, 0, 1, 0.5], 1 - np.r_[line, 0, 1, 0.5]]))
    return cases


# Combinations ---------------------------------------------------------------------------------------------------------------------


def combination_case():
    n = 24
    column = lambda values: [None if rng.random() < 0.15 else float(v) for v in values]
    columns = {
        "gain": column(rng.uniform(-0.2, 1, n)),
        "time": column(rng.uniform(0.2, 2.4, n)),
        "zone": column(rng.uniform(0, 1, n)),
    }
    groups = (np.arange(n) // 8).tolist()
    gain, time, zone_ = (np.array([np.nan if v is None else v for v in columns[c]]) for c in ("gain", "time", "zone"))
    clean = lambda values: [None if np.isnan(v) else float(v) for v in values]

    terms = np.stack([gain, -0.4 * time, 0.25 * zone_])
    weighted = np.where(np.isnan(terms).all(axis=0), np.nan, np.nansum(terms, axis=0))

    updates, price_time, price_zone = [], 0.5, 0.0
    for _ in range(4):
        penalty = np.nan_to_num(price_time * (time - 1.0)) + np.nan_to_num(price_zone * (0.6 - zone_))
        rewards = (gain - penalty) / (1 + price_time + price_zone)
        price_time = min(0.8, max(0.0, price_time + 0.3 * (np.nanmean(time) - 1.0)))
        price_zone = max(0.0, price_zone + 0.05 * (0.6 - np.nanmean(zone_)))
        updates.append({"rewards": clean(rewards), "multipliers": [price_time, price_zone]})

    ranked = np.full(n, np.nan)
    for group in range(3):
        own = [i for i in range(n) if groups[i] == group and not np.isnan([gain[i], time[i]]).any()]
        points = np.c_[gain[own], -time[own]]
        ranks = fronts(points)
        ranked[own] = worths(ranks, crowding(points, ranks))
    return {
        "columns": columns,
        "groups": groups,
        "weighted": {
            "objectives": {
                "weighted": [
                    {"column": "gain"},
                    {"column": "time", "weight": -0.4},
                    {"column": "zone", "weight": 0.25},
                ]
            },
            "rewards": clean(weighted),
        },
        "constrained": {
            "objectives": {
                "constrained": {
                    "maximise": [{"column": "gain"}],
                    "limits": [
                        {"column": "time", "at_most": 1.0, "multiplier": 0.5, "step_size": 0.3, "max_multiplier": 0.8},
                        {"column": "zone", "at_least": 0.6},
                    ],
                }
            },
            "updates": updates,
        },
        "pareto": {
            "objectives": {"pareto": {"more": ["gain"], "less": ["time"], "crowding": True}},
            "rewards": clean(ranked),
        },
    }


def main():
    sessions = [draw_session() for _ in range(60)]
    golden = {
        "sessions": sessions,
        "measures": [{"spec": spec, "values": [measure(spec, s) for s in sessions]} for spec in SPECS],
        "shaping": [{"config": config, "sessions": [shaping(s, **config) for s in sessions]} for config in SHAPINGS],
        "pareto": pareto_cases(),
        "combinations": [combination_case() for _ in range(3)],
    }
    for row in golden["measures"]:
        known = [v for v in row["values"] if v is not None]
        assert len(known) >= 5 and len(set(known)) >= 3, row["spec"]
        assert len(known) < len(sessions) or row["spec"]["kind"] in ("learning_gain",), row["spec"]
    with open(sys.argv[1], "w") as file:
        rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in golden.items())
        file.write("{" + rows + "}\n")


main()
