//! Knowledge models through the public surface: parameters come back, files hold what was fitted, and other implementations agree.

#[path = "golden/knowledge.rs"]
mod golden;

use grpo_edu::knowledge::{
    Bkt, BktFit, BktSkill, Columns, Irt, IrtFit, IrtItem, IrtKind, KnowledgeModel, ModelKind, ResponseLog,
};
use grpo_edu::{Draws, EduError, SeededDraws};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// A log from rows of learner, skill, item, right or wrong.
fn log(rows: impl IntoIterator<Item = (usize, String, String, bool)>) -> ResponseLog {
    let mut text = String::from("learner,skill,item,correct\n");
    for (learner, skill, item, correct) in rows {
        writeln!(text, "{learner},{skill},{item},{correct}").expect("memory");
    }
    ResponseLog::parse_csv(&text, "log", &Columns::default()).expect("a good table")
}

fn skills() -> Vec<BktSkill> {
    let skill = |name: &str, prior, learn, guess, slip| BktSkill {
        name: name.into(),
        prior,
        learn,
        forget: 0.0,
        guess,
        slip,
    };
    vec![skill("add", 0.35, 0.2, 0.15, 0.08), skill("divide", 0.15, 0.12, 0.25, 0.1)]
}

/// The answers of learners of a model, `answers` to each skill.
fn bkt_log(skills: &[BktSkill], learners: usize, answers: usize, seed: u64) -> ResponseLog {
    let mut rows = Vec::new();
    for learner in 0..learners {
        let mut draws = SeededDraws::new("bkt learners", seed, learner as u64);
        for skill in skills {
            let mut known = draws.unit() < skill.prior;
            for _ in 0..answers {
                let correct = draws.unit() < if known { 1.0 - skill.slip } else { skill.guess };
                known ^= draws.unit() < if known { skill.forget } else { skill.learn };
                rows.push((learner, skill.name.clone(), skill.name.clone(), correct));
            }
        }
    }
    log(rows)
}

fn items(kind: IrtKind, count: usize) -> Vec<IrtItem> {
    let mut draws = SeededDraws::new("items", 4, 0);
    let item = |number: usize| {
        let (a, b, c) = ((0.3 * draws.normal()).exp(), draws.normal(), 0.1 + 0.15 * draws.unit());
        IrtItem {
            name: format!("q{number}"),
            discrimination: if kind == IrtKind::One { 1.0 } else { a },
            difficulty: b,
            guess: if kind == IrtKind::Three { c } else { 0.0 },
        }
    };
    (0..count).map(item).collect()
}

/// The answers of learners with abilities from `N(0, 1)`, a tenth of them missing.
fn irt_log(items: &[IrtItem], learners: usize) -> ResponseLog {
    let mut rows = Vec::new();
    for learner in 0..learners {
        let mut draws = SeededDraws::new("irt learners", 4, learner as u64);
        let ability = draws.normal();
        for item in items {
            let (missing, correct) = (draws.unit() < 0.1, draws.unit() < item.probability(ability));
            if !missing {
                rows.push((learner, "test".into(), item.name.clone(), correct));
            }
        }
    }
    log(rows)
}

fn new_file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_file(&path).expect("an old test file");
    }
    path
}

/// 40,000 answers a skill. In 20 such logs (seeds 0 to 19), the largest error of any parameter was 0.0201.
#[test]
fn parameters_of_knowledge_tracing_come_back() {
    let truth = skills();
    let log = bkt_log(&truth, 4_000, 10, 1);
    let model = Bkt::fit(&log, &BktFit::default()).expect("a fit");
    for (found, truth) in model.skills().iter().zip(&truth) {
        assert_eq!((&found.name, found.forget), (&truth.name, 0.0));
        for (found, truth) in [
            (found.prior, truth.prior),
            (found.learn, truth.learn),
            (found.guess, truth.guess),
            (found.slip, truth.slip),
        ] {
            assert!((found - truth).abs() < 0.025, "{found} {truth}");
        }
    }
    let report = model.report().expect("it was fitted");
    assert!(report.skills.iter().all(|skill| skill.converged && skill.responses == 40_000));
    // What was fitted explains the log at least as well as the truth, and the sum of its skills is what the log is worth.
    let truth = Bkt::new(truth).expect("probabilities");
    let (own, true_) = (model.log_likelihood(&log).unwrap(), truth.log_likelihood(&log).unwrap());
    assert!(own > true_ && (own - report.log_likelihood).abs() < 1e-6 * own.abs(), "{own} {true_}");
    assert_eq!(report.parameters, 8);
    assert!((report.aic - (16.0 - 2.0 * report.log_likelihood)).abs() < 1e-9);
    assert!((report.bic - (8.0 * 8_000_f64.ln() - 2.0 * report.log_likelihood)).abs() < 1e-9);
    // On new learners, no model predicts better than the truth, and this one almost as well.
    let others = bkt_log(truth.skills(), 2_000, 10, 2);
    let (own, best) = (model.quality(&others).unwrap(), truth.quality(&others).unwrap());
    let (own_auc, best_auc) = (own.auc.unwrap(), best.auc.unwrap());
    assert!(best_auc > 0.75 && (best_auc - own_auc).abs() < 0.002, "{own:?} {best:?}");
    assert!((own.rmse - best.rmse).abs() < 0.001, "{own:?} {best:?}");
}

#[test]
fn forgetting_and_bounds_are_fitted_when_asked_for() {
    let mut truth = skills();
    truth.iter_mut().for_each(|skill| skill.forget = 0.1);
    let log = bkt_log(&truth, 4_000, 15, 3);
    let fit = |config: BktFit| Bkt::fit(&log, &BktFit { restarts: 0, ..config }).expect("a fit");
    let (without, with) = (fit(BktFit::default()), fit(BktFit { forget: true, ..BktFit::default() }));
    for (found, truth) in with.skills().iter().zip(&truth) {
        // In 20 such logs, the largest errors were 0.0105 and 0.0117.
        assert!((found.forget - truth.forget).abs() < 0.013, "{found:?}");
        assert!((found.learn - truth.learn).abs() < 0.015, "{found:?}");
    }
    let (less, more) = (without.report().unwrap(), with.report().unwrap());
    assert!(more.bic < less.bic - 100.0 && more.parameters == 10);
    let bounded = fit(BktFit { max_guess: 0.1, max_slip: 0.05, ..BktFit::default() });
    assert!(bounded.skills().iter().all(|skill| skill.guess <= 0.1 && skill.slip <= 0.05));
    assert!(bounded.report().unwrap().log_likelihood < less.log_likelihood);
}

#[test]
fn the_same_seed_gives_the_same_fit_and_more_starts_no_worse_one() {
    let log = bkt_log(&skills(), 30, 6, 4);
    let fit =
        |seed, restarts| Bkt::fit(&log, &BktFit { seed, restarts, ..BktFit::default() }).expect("a fit");
    assert_eq!(fit(7, 5), fit(7, 5));
    let likelihood = |model: Bkt| model.report().unwrap().log_likelihood;
    assert!(
        likelihood(fit(7, 20)) >= likelihood(fit(7, 5)) && likelihood(fit(7, 5)) >= likelihood(fit(7, 0))
    );
}

/// About 1,800 answers an item. Bounds are on the root of the mean squared error over 20 items, about one and a half times what it
/// is here; and on that of the curves at 21 abilities, since different guesses, difficulties and discriminations give three
/// parameters almost the same curve.
#[test]
fn parameters_of_items_come_back() {
    for (kind, bounds) in [
        (IrtKind::One, [0.0, 0.08, 0.0]),
        (IrtKind::Two, [0.12, 0.15, 0.0]),
        (IrtKind::Three, [0.36, 0.31, 0.09]),
    ] {
        let truth = items(kind, 20);
        let log = irt_log(&truth, 2_000);
        let model = Irt::fit(&log, &IrtFit { kind, ..IrtFit::default() }).expect("a fit");
        assert_eq!(model.items().len(), truth.len());
        let (mut squares, mut curves) = ([0.0; 3], 0.0);
        for found in model.items() {
            let truth = truth.iter().find(|item| item.name == found.name).expect("the same names");
            let errors = [
                found.discrimination - truth.discrimination,
                found.difficulty - truth.difficulty,
                found.guess - truth.guess,
            ];
            squares.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error * error / 20.0);
            for ability in (-10..=10).map(|step| f64::from(step) / 5.0) {
                curves += (found.probability(ability) - truth.probability(ability)).powi(2) / (20.0 * 21.0);
            }
        }
        let errors = squares.map(f64::sqrt);
        assert!(errors.iter().zip(bounds).all(|(error, bound)| *error <= bound), "{kind:?}: {errors:?}");
        assert!(curves.sqrt() < 0.033, "{kind:?}: {}", curves.sqrt());
        let report = model.report().expect("it was fitted");
        assert!(report.converged && report.repeated == 0 && report.left_out.is_empty());
        assert_eq!((report.responses, report.learners), (log.len(), log.learners().len()));
        assert_eq!(report.item_responses.iter().sum::<usize>(), log.len());
        let (own, true_) = (
            model.log_likelihood(&log, 121).expect("its own items"),
            Irt::new(truth).expect("good items").log_likelihood(&log, 121).expect("the same items"),
        );
        // Twice as many points change nothing.
        assert!((own - report.log_likelihood).abs() < 1e-6 && (kind == IrtKind::Three || own > true_));
        let parameters = (20 * kind.parameters()) as f64;
        assert!((report.aic - (2.0 * parameters - 2.0 * report.log_likelihood)).abs() < 1e-9);
        let bic = parameters * (report.learners as f64).ln() - 2.0 * report.log_likelihood;
        assert!((report.bic - bic).abs() < 1e-9);
    }
}

#[test]
fn repeated_answers_and_items_without_a_difficulty_are_counted_and_named() {
    let truth = items(IrtKind::Two, 6);
    let mut rows = Vec::new();
    for learner in 0..200 {
        let mut draws = SeededDraws::new("irt learners", 5, learner as u64);
        let ability = draws.normal();
        for item in &truth {
            rows.push((learner, "t".into(), item.name.clone(), draws.unit() < item.probability(ability)));
        }
    }
    let clean = Irt::fit(&log(rows.clone()), &IrtFit::default()).expect("a fit");
    rows.extend((0..200).map(|learner| (learner, "t".into(), "q3".into(), true)));
    rows.extend((0..200).map(|learner| (learner, "t".into(), "easy".into(), true)));
    rows.push((0, "t".into(), "hard".into(), false));
    // A learner without any answer that counts.
    rows.push((999, "t".into(), "hard".into(), false));
    let dirty = log(rows);
    let model = Irt::fit(&dirty, &IrtFit::default()).expect("a fit");
    assert_eq!(model.items(), clean.items());
    let report = model.report().expect("it was fitted");
    assert_eq!((report.repeated, report.learners), (200, 200));
    assert_eq!(report.left_out, ["easy", "hard"]);
    assert!((model.log_likelihood(&dirty, 61).unwrap() - report.log_likelihood).abs() < 1e-9);
    let error = Irt::new(model.items().to_vec()).unwrap().log_likelihood(&dirty, 61).unwrap_err();
    assert_eq!(error, EduError::UnknownName { what: "item", name: "easy".into() });
}

/// The sign of an ability is a convention: a log where most keys are wrong has the same items as one where the others are.
#[test]
fn items_with_a_wrong_key_have_negative_discriminations() {
    let truth = items(IrtKind::Two, 8);
    let fit = |wrong: fn(usize) -> bool| {
        let source = irt_log(&truth, 1_000);
        let rows = source.responses().iter().enumerate().flat_map(|(learner, responses)| {
            let row = move |r: &grpo_edu::knowledge::Response| (learner, r.item, r.correct);
            responses.iter().map(row).collect::<Vec<_>>()
        });
        let rows: Vec<_> = rows
            .map(|(learner, item, correct)| {
                let name = source.items()[item].clone();
                let number: usize = name[1..].parse().expect("q and a number");
                (learner, "t".into(), name, correct != wrong(number))
            })
            .collect();
        Irt::fit(&log(rows), &IrtFit::default()).expect("a fit").items().to_vec()
    };
    let (right, few, most) = (fit(|_| false), fit(|n| n < 2), fit(|n| n >= 2));
    for ((right, few), most) in right.iter().zip(&few).zip(&most) {
        let number: usize = right.name[1..].parse().expect("q and a number");
        let sign = if number < 2 { -1.0 } else { 1.0 };
        assert!((few.discrimination - sign * right.discrimination).abs() < 1e-3, "{right:?} {few:?}");
        assert!((few.difficulty - right.difficulty).abs() < 1e-3, "{right:?} {few:?}");
        // All answers turned round: abilities and difficulties change their signs.
        assert!((most.discrimination - few.discrimination).abs() < 1e-3, "{few:?} {most:?}");
        assert!((most.difficulty + few.difficulty).abs() < 1e-3, "{few:?} {most:?}");
    }
}

#[test]
fn a_log_that_determines_nothing_is_refused() {
    let same = log((0..9).map(|learner| (learner, "t".into(), "q".into(), true)));
    for kind in [IrtKind::One, IrtKind::Two, IrtKind::Three] {
        let error = Irt::fit(&same, &IrtFit { kind, ..IrtFit::default() }).unwrap_err();
        assert!(matches!(&error, EduError::Fit { reason } if reason.starts_with("0 of 1 items")), "{error}");
    }
    let two = log((0..40).map(|n| (n / 2, "t".into(), format!("q{}", n % 2), n % 3 == 0)));
    assert!(Irt::fit(&two, &IrtFit { kind: IrtKind::One, ..IrtFit::default() }).is_ok());
    assert!(matches!(Irt::fit(&two, &IrtFit::default()), Err(EduError::Fit { .. })));
}

#[test]
fn a_table_and_statements_of_the_same_answers_give_the_same_model() {
    let source = bkt_log(&skills(), 40, 6, 5);
    let (mut table, mut statements) = (String::from("learner,skill,correct\n"), Vec::new());
    for (learner, responses) in source.responses().iter().enumerate() {
        for (second, response) in responses.iter().enumerate() {
            let (skill, correct) = (&source.skills()[response.skill], response.correct);
            writeln!(table, "mailto:{learner},{skill},{}", u8::from(correct)).expect("memory");
            statements.push(serde_json::json!({
                "actor": {"mbox": format!("mailto:{learner}")},
                "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
                "object": {"id": format!("question {second}")},
                "result": {"success": correct},
                "context": {"contextActivities": {"grouping": [{"id": skill}]}},
                "timestamp": format!("2026-01-01T00:{learner:02}:{second:02}Z"),
            }));
        }
    }
    // In a file, statements stand the latest first, as learning record stores give them.
    statements.reverse();
    let (csv, jsonl) = (new_file("same.csv"), new_file("same.jsonl"));
    let lines: Vec<String> = statements.iter().map(ToString::to_string).collect();
    fs::write(&csv, table).expect("a test file");
    fs::write(&jsonl, lines.join("\n")).expect("a test file");
    let read = |path| ResponseLog::from_file(path, &Columns::default()).expect("a good log");
    let (csv, jsonl) = (read(csv), read(jsonl));
    assert_eq!((csv.learners(), csv.skills()), (jsonl.learners(), jsonl.skills()));
    let fit = |log| KnowledgeModel::fit(log, ModelKind::Bkt, 3).expect("a fit");
    assert_eq!(fit(&csv), fit(&jsonl));
}

#[test]
fn a_file_holds_the_model_and_is_never_overwritten() {
    for (kind, log) in [
        (ModelKind::Bkt, bkt_log(&skills(), 50, 5, 6)),
        (ModelKind::Irt(IrtKind::Three), irt_log(&items(IrtKind::Three, 5), 200)),
    ] {
        let model = KnowledgeModel::fit(&log, kind, 1).expect("a fit");
        let (first, second) = (new_file(&format!("{kind}.json")), new_file(&format!("{kind}-again.json")));
        model.save(&first).expect("a new file");
        let loaded = KnowledgeModel::load(&first).expect("a good file");
        match (&model, &loaded) {
            (KnowledgeModel::Bkt(one), KnowledgeModel::Bkt(two)) => {
                let (one, two) = (one.log_likelihood(&log).unwrap(), two.log_likelihood(&log).unwrap());
                assert!((one - two).abs() < 1e-9);
            }
            (KnowledgeModel::Irt(one), KnowledgeModel::Irt(two)) => {
                assert_eq!(one.report().unwrap().left_out, two.report().unwrap().left_out);
                let (one, two) =
                    (one.log_likelihood(&log, 61).unwrap(), two.log_likelihood(&log, 61).unwrap());
                assert!((one - two).abs() < 1e-9);
            }
            _ => panic!("another kind of model"),
        }
        loaded.save(&second).expect("a new file");
        assert_eq!(KnowledgeModel::load(&second).expect("a good file"), loaded);
        let before = fs::read(&first).expect("the file");
        let error = model.save(&first).unwrap_err().to_string();
        assert!(error.contains("it exists; choose another name"), "{error}");
        assert_eq!(fs::read(&first).expect("the file"), before);
        let error = model.save("/no/such/folder/model.json").unwrap_err();
        assert!(matches!(error, EduError::WriteFile { .. }));
    }
    let missing = KnowledgeModel::load("/no/such/model.json").unwrap_err();
    assert!(matches!(missing, EduError::ReadFile { .. }), "{missing}");
}

/// Learners of a model know each skill as often as its prior says, given that something is left to learn.
#[cfg(feature = "tutors")]
#[test]
fn learners_are_drawn_from_the_model() {
    let model = std::sync::Arc::new(Bkt::new(skills()).expect("probabilities"));
    let mut draws = SeededDraws::new("learners", 1, 0);
    let (n, mut known) = (20_000, [0.0; 2]);
    for _ in 0..n {
        let learner = grpo_edu::knowledge::BktLearner::draw(&model, &mut draws).expect("a learner");
        assert!(learner.known().contains(&false));
        (0..2).for_each(|skill| known[skill] += f64::from(u8::from(learner.known()[skill])) / f64::from(n));
    }
    // P(known, not both) / P(not both); four standard errors are at most 0.0135.
    let (one, two) = (0.35, 0.15);
    let rest = 1.0 - one * two;
    assert!((known[0] - one * (1.0 - two) / rest).abs() < 0.0135, "{known:?}");
    assert!((known[1] - two * (1.0 - one) / rest).abs() < 0.0105, "{known:?}");
}
