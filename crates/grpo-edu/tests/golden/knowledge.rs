//! Numbers of pyBKT, girth and scipy; `tests/oracle/knowledge.py` has produced them, and says how to do so again.

use grpo_edu::EduError;
use grpo_edu::knowledge::{
    Ability, Bkt, BktFit, BktSkill, Columns, Irt, IrtFit, IrtItem, IrtKind, ResponseLog,
};
use serde::Deserialize;
use std::fmt::Write as _;

#[derive(Deserialize)]
struct Golden {
    bkt: Vec<GoldenSkill>,
    irt: Vec<GoldenItems>,
    abilities: GoldenAbilities,
}

/// One skill. Parameters are prior, learn, guess, slip.
#[derive(Deserialize)]
struct GoldenSkill {
    skill: String,
    answers: Vec<String>,
    pybkt: [f64; 4],
    pybkt_log_likelihood: f64,
    pybkt_stock: [f64; 4],
    pybkt_stock_log_likelihood: f64,
    /// For the first 20 learners, before each answer: the probability that it is right, and that the skill is known; five digits.
    predictions: Vec<f64>,
    known: Vec<f64>,
}

#[derive(Deserialize)]
struct GoldenItems {
    kind: String,
    answers: Vec<String>,
    girth: Bank,
    scipy: Bank,
}

#[derive(Deserialize)]
struct Bank {
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    log_likelihood: f64,
}

#[derive(Deserialize)]
struct GoldenAbilities {
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    girth: GirthAbilities,
}

#[derive(Deserialize)]
struct GirthAbilities {
    eap2: Vec<f64>,
    map2: Vec<f64>,
    ml2: Vec<f64>,
    eap3: Vec<f64>,
    map3: Vec<f64>,
    ml3: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("knowledge.json")).expect("the golden numbers")
}

fn bits(answers: &str) -> Vec<bool> {
    answers.bytes().map(|bit| bit == b'1').collect()
}

fn bkt_log(golden: &Golden) -> ResponseLog {
    let mut text = String::from("learner,skill,correct\n");
    for skill in &golden.bkt {
        for (learner, answers) in skill.answers.iter().enumerate() {
            for bit in answers.chars() {
                writeln!(text, "{learner},{},{bit}", skill.skill).expect("memory");
            }
        }
    }
    ResponseLog::parse_csv(&text, "golden", &Columns::default()).expect("a good table")
}

fn irt_log(answers: &[String]) -> ResponseLog {
    let mut text = String::from("learner,skill,item,correct\n");
    for (learner, answers) in answers.iter().enumerate() {
        for (item, bit) in answers.chars().enumerate() {
            writeln!(text, "{learner},test,q{item},{bit}").expect("memory");
        }
    }
    ResponseLog::parse_csv(&text, "golden", &Columns::default()).expect("a good table")
}

fn skill(name: &str, [prior, learn, guess, slip]: [f64; 4]) -> BktSkill {
    BktSkill { name: name.into(), prior, learn, forget: 0.0, guess, slip }
}

fn bank(a: &[f64], b: &[f64], c: &[f64]) -> Irt {
    let item = |(number, ((&a, &b), &c))| IrtItem {
        name: format!("q{number}"),
        discrimination: a,
        difficulty: b,
        guess: c,
    };
    Irt::new(a.iter().zip(b).zip(c).enumerate().map(item).collect()).expect("good items")
}

/// The likelihood is the same function: to rounding.
#[test]
fn likelihoods_agree_with_numpy() {
    let golden = golden();
    for golden in &golden.bkt {
        for (parameters, expected) in [
            (golden.pybkt, golden.pybkt_log_likelihood),
            (golden.pybkt_stock, golden.pybkt_stock_log_likelihood),
        ] {
            let skill = skill(&golden.skill, parameters);
            let found: f64 = golden.answers.iter().map(|answers| skill.log_likelihood(&bits(answers))).sum();
            assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        }
    }
    for golden in &golden.irt {
        let log = irt_log(&golden.answers);
        for other in [&golden.girth, &golden.scipy] {
            let found = bank(&other.a, &other.b, &other.c).log_likelihood(&log, 121).expect("its items");
            // The other integral is a Gauss-Hermite sum of 101 points, of which the sharpest curves need all.
            assert!((found - other.log_likelihood).abs() < 1e-5, "{found} {}", other.log_likelihood);
        }
    }
}

/// Expectation maximisation stops where a likelihood is flat, a little before the top: pyBKT where an iteration gains 1e-9, and we
/// where it gains 1e-8. Between the two, parameters move by 4e-6; 2e-5 is the bound. With its stock tolerance of 0.005, pyBKT stays
/// below by up to 0.0036.
#[test]
fn fitted_parameters_agree_with_pybkt_and_no_likelihood_is_below_its() {
    let golden = golden();
    let model = Bkt::fit(&bkt_log(&golden), &BktFit::default()).expect("a fit");
    let report = model.report().expect("it was fitted");
    for ((found, report), golden) in model.skills().iter().zip(&report.skills).zip(&golden.bkt) {
        assert_eq!(found.name, golden.skill);
        let found = [found.prior, found.learn, found.guess, found.slip];
        assert!(
            found.iter().zip(golden.pybkt).all(|(f, g)| (f - g).abs() < 1e-4),
            "{found:?} {:?}",
            golden.pybkt
        );
        assert!(report.log_likelihood > golden.pybkt_log_likelihood - 1e-6);
        assert!(report.log_likelihood > golden.pybkt_stock_log_likelihood);
    }
}

/// Recorded to five digits.
#[test]
fn tracing_agrees_with_pybkt() {
    for golden in &golden().bkt {
        let skill = skill(&golden.skill, golden.pybkt);
        let (mut predictions, mut known) = (golden.predictions.iter(), golden.known.iter());
        for answers in &golden.answers[..20] {
            let trace = [&[skill.prior], &skill.trace(&bits(answers))[..]].concat();
            for &before in &trace[..answers.len()] {
                let (prediction, state) = (predictions.next().unwrap(), known.next().unwrap());
                assert!((skill.predict(before) - prediction).abs() < 6e-6, "{before} {prediction}");
                assert!((before - state).abs() < 6e-6, "{before} {state}");
            }
        }
        assert_eq!((predictions.next(), known.next()), (None, None));
    }
}

/// scipy's quasi-Newton method finds the same top: log-likelihoods to 3e-5, parameters to 1e-5 for one and two of them and to 3e-4
/// for three, whose likelihood is almost flat in one direction.
/// girth solves other equations (proportions of right answers, a table of integrals), so its likelihood must be below ours.
#[test]
fn fitted_items_agree_with_scipy_and_no_likelihood_is_below_girths() {
    for golden in golden().irt {
        let (kind, tolerance) = match golden.kind.as_str() {
            "irt1" => (IrtKind::One, 1e-4),
            "irt2" => (IrtKind::Two, 1e-4),
            _ => (IrtKind::Three, 1e-3),
        };
        let log = irt_log(&golden.answers);
        let fit = |config| Irt::fit(&log, &config).expect("a fit");
        let model = fit(IrtFit { kind, ..IrtFit::default() });
        for (number, item) in model.items().iter().enumerate() {
            let expected = [golden.scipy.a[number], golden.scipy.b[number], golden.scipy.c[number]];
            let found = [item.discrimination, item.difficulty, item.guess];
            let close = found.iter().zip(expected).all(|(f, e)| (f - e).abs() < tolerance);
            assert!(close, "{kind:?} {found:?} {expected:?}");
        }
        let report = model.report().expect("it was fitted");
        assert!((report.log_likelihood - golden.scipy.log_likelihood).abs() < 1e-4 && report.converged);
        // girth's guesses have bounds, 0 and 0.33, and no prior; so it must be compared with a fit without one.
        let plain = fit(IrtFit { kind, guess_prior: None, ..IrtFit::default() });
        let plain = plain.report().expect("it was fitted").log_likelihood;
        assert!(plain > golden.girth.log_likelihood, "{kind:?} {plain} {}", golden.girth.log_likelihood);
    }
}

/// girth integrates over 121 points from -6 to 6 here, and searches to 1e-5 or so for the other two.
#[test]
fn abilities_agree_with_girth() {
    let golden = golden();
    let GoldenAbilities { a, b, c, girth } = &golden.abilities;
    let answers: Vec<Vec<(usize, bool)>> = golden.irt[1].answers[..40]
        .iter()
        .map(|answers| bits(answers).into_iter().enumerate().collect())
        .collect();
    let (two, three) = (bank(a, b, &vec![0.0; c.len()]), bank(a, b, c));
    type Method = fn(&Irt, &[(usize, bool)]) -> Result<Ability, EduError>;
    let table: [(&Irt, Method, &[f64], f64); 6] = [
        (&two, Irt::ability_eap, &girth.eap2, 1e-6),
        (&three, Irt::ability_eap, &girth.eap3, 1e-6),
        (&two, Irt::ability_map, &girth.map2, 1e-4),
        (&three, Irt::ability_map, &girth.map3, 1e-4),
        (&two, Irt::ability_ml, &girth.ml2, 1e-4),
        (&three, Irt::ability_ml, &girth.ml3, 1e-4),
    ];
    for (method, (bank, estimate, expected, tolerance)) in table.into_iter().enumerate() {
        let mut compared = 0;
        for (answers, expected) in answers.iter().zip(expected) {
            match estimate(bank, answers) {
                Ok(found) => {
                    compared += 1;
                    let error = (found.mean - expected).abs();
                    assert!(error < tolerance, "method {method}: {found:?} {expected}");
                }
                // girth searches from -6 to 6 and ends there, or says 99 where all answers are alike.
                Err(_) => assert!(expected.abs() > 5.9, "method {method}: {expected}"),
            }
        }
        assert!(compared >= 35, "method {method}: {compared}");
    }
}
