"""Compares the knowledge models of `grpo` with pyBKT and girth, and writes the numbers that tests/knowledge.rs checks against.

    python3 -m venv venv && venv/bin/pip install pyBKT==1.4.3 girth==0.8.0 "scikit-learn<1.8" "numpy<2.4"
    venv/bin/python knowledge.py PATH/TO/grpo              compares
    venv/bin/python knowledge.py PATH/TO/grpo --golden FILE.json   and writes the golden numbers

(pyBKT 1.4.3 does not import with scikit-learn 1.9 and does not fit with numpy 2.4.) Everything is simulated from fixed seeds. All
sides' parameters are judged by one likelihood, written here in numpy and apart from them, so that a higher number is a better optimum.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit

# ---------------------------------------------------------------- simulation

BKT_TRUE = {  # prior, learn, guess, slip
    "add": (0.30, 0.20, 0.15, 0.08),
    "divide": (0.10, 0.12, 0.25, 0.15),
    "count": (0.60, 0.30, 0.20, 0.05),
}
LEARNERS = 250


def simulate_bkt(seed=20260101):
    """{skill: [answers of each learner as a string of 0 and 1]}, 5 to 14 answers each."""
    rng = np.random.default_rng(seed)
    log = {}
    for skill, (prior, learn, guess, slip) in BKT_TRUE.items():
        log[skill] = []
        for _ in range(LEARNERS):
            known, answers = rng.random() < prior, ""
            for _ in range(rng.integers(5, 15)):
                answers += str(int(rng.random() < (1 - slip if known else guess)))
                known = known or rng.random() < learn
            log[skill].append(answers)
    return log


def simulate_irt(seed=20260102, learners=600, items=15):
    """The parameters, and answers [learners, items]."""
    rng = np.random.default_rng(seed)
    a, b = np.exp(0.3 * rng.normal(size=items)), rng.normal(size=items)
    c = rng.uniform(0.1, 0.25, size=items)
    theta = rng.normal(size=learners)
    p2 = expit(a * (theta[:, None] - b))
    p3 = c + (1 - c) * p2
    p1 = expit(theta[:, None] - b)
    draws = rng.random((learners, items))
    return (a, b, c), {"irt1": (draws < p1).astype(int), "irt2": (draws < p2).astype(int), "irt3": (draws < p3).astype(int)}


def write_bkt(log, path):
    rows = [(f"l{n}", skill, int(x)) for skill, all in log.items() for n, answers in enumerate(all) for x in answers]
    pd.DataFrame(rows, columns=["learner", "skill", "correct"]).to_csv(path, index=False)


def write_irt(data, path):
    rows = [(f"l{n}", "test", f"q{i}", int(x)) for n, row in enumerate(data) for i, x in enumerate(row)]
    pd.DataFrame(rows, columns=["learner", "skill", "item", "correct"]).to_csv(path, index=False)


# ---------------------------------------------------------------- the common likelihoods


def bkt_log_likelihood(parameters, all):
    prior, learn, guess, slip = parameters
    total = 0.0
    for answers in all:
        alpha = np.array([1 - prior, prior])
        for x in answers:
            alpha = alpha * (np.array([guess, 1 - slip]) if x == "1" else np.array([1 - guess, slip]))
            total += np.log(alpha.sum())
            alpha = alpha / alpha.sum()
            alpha = np.array([alpha[0] * (1 - learn), alpha[1] + alpha[0] * learn])
    return float(total)


NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(101)  # not the equally spaced points of grpo
LOG_WEIGHTS = np.log(WEIGHTS / WEIGHTS.sum())


def irt_log_likelihood(a, b, c, data):
    p = c[:, None] + (1 - c[:, None]) * expit(a[:, None] * (NODES - b[:, None]))
    p = np.clip(p, 1e-300, 1 - 1e-16)
    log = data @ np.log(p) + (1 - data) @ np.log1p(-p) + LOG_WEIGHTS
    top = log.max(axis=1)
    return float((top + np.log(np.exp(log - top[:, None]).sum(axis=1))).sum())


def log_beta(c, alpha=5.0, beta=17.0):
    return float(((alpha - 1) * np.log(c) + (beta - 1) * np.log1p(-c)).sum())


def irt_optimum(kind, data, start):
    """The top of the likelihood (3PL: times the prior) by scipy's BFGS."""
    items = data.shape[1]

    def unpack(x):
        b = x[:items]
        a = np.ones(items) if kind == "irt1" else x[items : 2 * items]
        c = expit(x[2 * items :]) if kind == "irt3" else np.zeros(items)
        return a, b, c

    def cost(x):
        a, b, c = unpack(x)
        return -irt_log_likelihood(a, b, c, data) - (log_beta(c) if kind == "irt3" else 0.0)

    a, b, c = start
    x = {"irt1": b, "irt2": np.r_[b, a], "irt3": np.r_[b, a, logit(np.maximum(c, 0.05))]}[kind]
    for _ in range(3):  # started anew, it forgets a bad approximation of the curvature
        x = minimize(cost, x, method="BFGS", options={"gtol": 1e-4, "maxiter": 2000}).x
    return unpack(x)


# ---------------------------------------------------------------- the others


def pybkt(log, tight):
    from pyBKT.fit import EM_fit
    from pyBKT.models import Model

    # Its tolerance and number of iterations (0.005 and 100) are arguments that its model never passes on.
    EM_fit.EM_fit.__defaults__ = (1e-9, 5000, False, {}) if tight else (0.005, 100, False, {})
    rows = [(n, skill, int(x)) for skill, all in log.items() for n, answers in enumerate(all) for x in answers]
    frame = pd.DataFrame(rows, columns=["user_id", "skill_name", "correct"])
    frame["order_id"] = range(len(frame))
    model = Model(seed=42, num_fits=5, parallel=False)
    model.fit(data=frame)
    found = {}
    for skill in log:
        fit = model.fit_model[skill]
        found[skill] = [float(fit["prior"]), float(fit["learns"][0]), float(fit["guesses"][0]), float(fit["slips"][0])]
    predictions = model.predict(data=frame).sort_index()  # it sorts by learner
    return found, predictions["correct_predictions"].to_numpy(), predictions["state_predictions"].to_numpy()


def girth_fit(kind, data):
    import girth

    fit = {"irt1": girth.rasch_mml, "irt2": girth.twopl_mml, "irt3": girth.threepl_mml}[kind]
    found = fit(data.T, options={"max_iteration": 200})
    items = data.shape[1]
    a = np.ones(items) * found["Discrimination"]
    return a, np.asarray(found["Difficulty"]), np.asarray(found.get("Guessing", np.zeros(items)))


def girth_abilities(data, a, b, c):
    """Of the first learners: EAP, MAP and maximum likelihood by the two- and by the three-parameter curves."""
    import girth

    options = {"quadrature_n": 121, "quadrature_bounds": (-6, 6)}
    first = data[:40].T
    return {
        "eap2": girth.ability_eap(first, b, a, options=options).tolist(),
        "map2": girth.ability_map(first, b, a).tolist(),
        "ml2": girth.ability_mle(first, b, a, no_estimate=99.0).tolist(),
        "eap3": girth.ability_3pl_eap(first, b, a, c, options=options).tolist(),
        "map3": girth.ability_3pl_map(first, b, a, c).tolist(),
        "ml3": girth.ability_3pl_mle(first, b, a, c, no_estimate=99.0).tolist(),
    }


def ours(program, log, kind, folder):
    out = Path(folder) / f"{kind}.json"
    command = [program, "edu", "fit", str(log), "--model", kind, "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(out.read_text())["model"]


# ---------------------------------------------------------------- the comparison


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", help="the grpo program")
    arguments.add_argument("--golden", type=Path, help="write the golden numbers here")
    arguments = arguments.parse_args()
    folder = tempfile.mkdtemp()

    log = simulate_bkt()
    write_bkt(log, f"{folder}/bkt.csv")
    stock, _, _ = pybkt(log, tight=False)
    tight, correct, state = pybkt(log, tight=True)
    fitted = ours(arguments.program, f"{folder}/bkt.csv", "bkt", folder)["bkt"]["skills"]
    own = {skill["name"]: [skill[key] for key in ("prior", "learn", "guess", "slip")] for skill in fitted}
    print(f"{'BKT':8} {'side':14} {'prior':>8} {'learn':>8} {'guess':>8} {'slip':>8} {'log-likelihood':>16}")
    golden_bkt = []
    for skill, all in log.items():
        for side, parameters in [
            ("truth", BKT_TRUE[skill]), ("pyBKT stock", stock[skill]), ("pyBKT 1e-9", tight[skill]), ("grpo", own[skill]),
        ]:
            numbers = " ".join(f"{x:8.5f}" for x in parameters)
            print(f"{skill:8} {side:14} {numbers} {bkt_log_likelihood(parameters, all):16.6f}")
        difference = np.abs(np.array(own[skill]) - np.array(tight[skill])).max()
        print(f"{'':8} largest difference grpo - pyBKT 1e-9: {difference:.2e}")
        golden_bkt.append({
            "skill": skill, "answers": all, "pybkt": tight[skill], "pybkt_log_likelihood": bkt_log_likelihood(tight[skill], all),
            "pybkt_stock": stock[skill], "pybkt_stock_log_likelihood": bkt_log_likelihood(stock[skill], all),
        })
    # In the order of the table: skills, then learners.
    place = 0
    for entry in golden_bkt:
        count = sum(map(len, entry["answers"][:20]))
        entry["predictions"] = [round(float(x), 5) for x in correct[place : place + count]]
        entry["known"] = [round(float(x), 5) for x in state[place : place + count]]
        place += sum(map(len, entry["answers"]))

    (a, b, c), all = simulate_irt()
    golden_irt = []
    print(f"\n{'IRT':6} {'side':12} {'log-likelihood':>16} {'with prior on c':>16}   largest difference from grpo: a, b, c")
    for kind, data in all.items():
        write_irt(data, f"{folder}/{kind}.csv")
        items = ours(arguments.program, f"{folder}/{kind}.csv", kind, folder)["irt"]["items"]
        items.sort(key=lambda item: int(item["name"][1:]))
        own = tuple(np.array([item[key] for item in items]) for key in ("discrimination", "difficulty", "guess"))
        other = girth_fit(kind, data)
        top = irt_optimum(kind, data, other)
        zeros, ones = np.zeros_like(c), np.ones_like(c)
        truth = (ones if kind == "irt1" else a, b, c if kind == "irt3" else zeros)
        entry = {"kind": kind, "answers": ["".join(map(str, row)) for row in data]}
        for side, (a_, b_, c_) in [("truth", truth), ("girth", other), ("scipy BFGS", top), ("grpo", own)]:
            found = irt_log_likelihood(a_, b_, c_, data)
            with_prior = found + log_beta(c_) if kind == "irt3" and c_.min() > 0 else float("nan")
            differences = [np.abs(x - y).max() for x, y in zip((a_, b_, c_), own)]
            print(f"{kind:6} {side:12} {found:16.6f} {with_prior:16.6f}   " + " ".join(f"{x:9.2e}" for x in differences))
            if side in ("girth", "scipy BFGS"):
                entry[side.split()[0]] = {"a": a_.tolist(), "b": b_.tolist(), "c": c_.tolist(), "log_likelihood": found}
        golden_irt.append(entry)

    golden = {
        "produced_by": "crates/grpo-edu/tests/oracle/knowledge.py with pyBKT 1.4.3 (tolerance 1e-9 and its own 0.005), girth 0.8.0 "
        "and scipy's BFGS on the marginal likelihood; log-likelihoods by numpy",
        "bkt": golden_bkt,
        "irt": golden_irt,
        "abilities": {"a": a.tolist(), "b": b.tolist(), "c": c.tolist(), "girth": girth_abilities(all["irt2"], a, b, c)},
    }
    if arguments.golden:
        arguments.golden.write_text(json.dumps(golden) + "\n")
        print(f"\n{arguments.golden}: {arguments.golden.stat().st_size} bytes")


if __name__ == "__main__":
    main()
