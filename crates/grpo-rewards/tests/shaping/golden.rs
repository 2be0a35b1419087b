//! Against the numbers of `oracle/shaping.py`.

use std::collections::BTreeMap;

use grpo_rewards::shaping::{Combiner, MeasureSpec, Measures, Objectives, PotentialShaping, Session, pareto};
use serde::Deserialize;

use crate::{assert_same, close, column};

#[derive(Deserialize)]
struct Golden {
    sessions: Vec<Session>,
    measures: Vec<Measured>,
    shaping: Vec<Shaped>,
    pareto: Vec<Ranked>,
    combinations: Vec<Combination>,
}

#[derive(Deserialize)]
struct Measured {
    spec: MeasureSpec,
    values: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Shaped {
    config: PotentialShaping,
    sessions: Vec<Option<Rewards>>,
}

#[derive(Deserialize)]
struct Rewards {
    potentials: Vec<f64>,
    rewards: Vec<f64>,
    r#return: f64,
}

#[derive(Deserialize)]
struct Ranked {
    points: Vec<Vec<f64>>,
    fronts: Vec<usize>,
    /// `None` for infinity, which JSON lacks.
    crowding: Vec<Option<f64>>,
    by_rank: Vec<f64>,
    by_rank_and_crowding: Vec<f64>,
}

#[derive(Deserialize)]
struct Combination {
    columns: BTreeMap<String, Vec<Option<f64>>>,
    groups: Vec<usize>,
    weighted: Combined,
    constrained: Priced,
    pareto: Combined,
}

#[derive(Deserialize)]
struct Combined {
    objectives: Objectives,
    rewards: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Priced {
    objectives: Objectives,
    updates: Vec<Update>,
}

#[derive(Deserialize)]
struct Update {
    rewards: Vec<Option<f64>>,
    multipliers: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../fixtures/shaping.json")).unwrap()
}

fn all(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

#[test]
fn measures() {
    let Golden { sessions, measures, .. } = golden();
    assert!(measures.len() >= 24 && sessions.len() >= 60);
    for Measured { spec, values } in measures {
        let columns = Measures::from_specs(std::slice::from_ref(&spec)).unwrap().evaluate(&sessions);
        assert_eq!(columns[0].failures(), 0);
        assert_same(&columns[0].values().collect::<Vec<_>>(), &values, &format!("{spec:?}"));
        assert!(columns[0].outcomes.iter().all(|outcome| !outcome.reason().is_empty()));
    }
}

#[test]
fn potentials_rewards_and_returns() {
    let Golden { sessions, shaping, .. } = golden();
    for (index, Shaped { config, sessions: wanted }) in shaping.into_iter().enumerate() {
        config.validate().unwrap();
        for (session, wanted) in sessions.iter().zip(wanted) {
            let (potentials, rewards) = (config.potentials(session), config.rewards(session));
            let Some(wanted) = wanted else {
                assert_eq!((potentials, rewards), (None, None));
                continue;
            };
            let (potentials, rewards) = (potentials.unwrap(), rewards.unwrap());
            assert_same(&all(&potentials), &all(&wanted.potentials), &format!("potentials {index}"));
            assert_same(&all(&rewards), &all(&wanted.rewards), &format!("rewards {index}"));
            let total = rewards.iter().rev().fold(0.0, |later, reward| reward + config.discount * later);
            assert!(close(total, wanted.r#return), "{total} {}", wanted.r#return);
            assert!(close(potentials[0], config.potential(session.initial_mastery().unwrap())));
        }
    }
}

#[test]
fn pareto_ranks_and_crowding() {
    for Ranked { points, fronts, crowding, by_rank, by_rank_and_crowding } in golden().pareto {
        assert_eq!(pareto::fronts(&points).unwrap(), fronts);
        let distances = pareto::crowding(&points, &fronts).unwrap();
        let finite: Vec<Option<f64>> = distances.iter().map(|d| d.is_finite().then_some(*d)).collect();
        assert_same(&finite, &crowding, "crowding");
        assert_same(&all(&pareto::worths(&points, false).unwrap()), &all(&by_rank), "by rank");
        let crowded = pareto::worths(&points, true).unwrap();
        assert_same(&all(&crowded), &all(&by_rank_and_crowding), "by rank and crowding");
    }
}

#[test]
fn combinations_with_missing_values() {
    for Combination { columns, groups, weighted, constrained, pareto } in golden().combinations {
        let columns: Vec<_> = columns.iter().map(|(name, values)| column(name, values)).collect();
        for Combined { objectives, rewards } in [weighted, pareto] {
            let what = format!("{objectives:?}");
            let mut combiner = Combiner::new(objectives).unwrap();
            assert_eq!(combiner.update(&columns).unwrap(), []);
            assert_same(&combiner.combine(&columns, &groups).unwrap(), &rewards, &what);
        }
        let mut combiner = Combiner::new(constrained.objectives).unwrap();
        for Update { rewards, multipliers } in constrained.updates {
            assert_same(&combiner.combine(&columns, &groups).unwrap(), &rewards, "constrained");
            let steps = combiner.update(&columns).unwrap();
            let got: Vec<Option<f64>> = steps.iter().map(|step| Some(step.multiplier)).collect();
            assert_same(&got, &all(&multipliers), "multipliers");
            // What is saved and read back goes on as if nothing had happened.
            let saved = serde_json::to_string(combiner.multipliers()).unwrap();
            let resumed =
                Combiner::resume(combiner.objectives().clone(), serde_json::from_str(&saved).unwrap());
            assert_eq!(resumed.as_ref(), Ok(&combiner));
            combiner = resumed.unwrap();
        }
    }
}
