//! Configurations and arguments as people get them wrong.

mod support;

use burn::tensor::{DType, Int, Tensor};
use grpo_core::{
    AdvantageEstimator, Aggregate, Baseline, Clip, Error, KlPenalty, LossInputs, Objective, RatioLevel,
    Surrogate, Vespo, token_log_probs,
};
use support::{bools, device, tensor};

fn parse(text: &str) -> Result<Objective, String> {
    let objective: Objective = serde_json::from_str(text).map_err(|error| error.to_string())?;
    objective.validate().map_err(|error| error.to_string())?;
    Ok(objective)
}

fn presets() -> Vec<(&'static str, Objective)> {
    vec![
        ("grpo", Objective::grpo()),
        ("textbook", Objective::textbook()),
        ("dr_grpo", Objective::dr_grpo(256)),
        ("dapo", Objective::dapo()),
        ("bnpo", Objective::bnpo()),
        ("gspo", Objective::gspo()),
        ("cispo", Objective::cispo()),
        ("sapo", Objective::sapo()),
        ("vespo", Objective::vespo()),
        ("luspo", Objective::luspo()),
        ("rloo", Objective::rloo()),
        ("reinforce_pp", Objective::reinforce_pp()),
    ]
}

#[test]
fn presets_are_valid_and_survive_writing() {
    for (name, preset) in presets() {
        preset.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = serde_json::to_string(&preset).unwrap();
        assert_eq!(parse(&text).as_ref(), Ok(&preset), "{name}: {text}");
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    assert_eq!(parse("{}"), Ok(Objective::default()));
    let dapo = r#"{"surrogate": {"clip": {"high": 0.28}}, "aggregate": "token_mean"}"#;
    assert_eq!(parse(dapo), Ok(Objective::dapo()));
    let grpo = r#"{"kl": {}}"#;
    assert_eq!(parse(grpo), Ok(Objective::grpo()));
    let dr_grpo = r#"{"aggregate": {"token_sum_over": {"length": 64}}}"#;
    assert_eq!(parse(dr_grpo), Ok(Objective::dr_grpo(64)));
    let gspo = r#"{"ratio": "sequence", "surrogate": {"clip": {"low": 3e-4, "high": 4e-4}}}"#;
    assert_eq!(parse(gspo), Ok(Objective::gspo()));
}

#[test]
fn unknown_keys_and_values_are_refused_by_name() {
    for (text, named) in [
        (r#"{"epsilon": 0.2}"#, "epsilon"),
        (r#"{"surrogate": {"clip": {"hihg": 0.2}}}"#, "hihg"),
        (r#"{"surrogate": "ppo"}"#, "ppo"),
        (r#"{"surrogate": {"sapo": {"temperature": 1.0}}}"#, "temperature"),
        (r#"{"kl": {"coef": 0.1}}"#, "coef"),
        (r#"{"kl": {"estimator": "k4"}}"#, "k4"),
        (r#"{"aggregate": {"token_sum_over": {"len": 3}}}"#, "len"),
        (r#"{"ratio": "tokens"}"#, "tokens"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.contains(named), "{text}: {error}");
    }
}

#[test]
fn impossible_values_name_the_key_and_the_fix() {
    let clip = |clip: Clip| Objective { surrogate: Surrogate::Clip(clip), ..Objective::default() };
    let kl = |kl: KlPenalty| Objective { kl: Some(kl), ..Objective::default() };
    let cases = [
        (clip(Clip { low: -0.1, ..Clip::default() }), "surrogate.clip.low"),
        (clip(Clip { low: 1.1, ..Clip::default() }), "surrogate.clip.low"),
        (clip(Clip { high: f64::NAN, ..Clip::default() }), "surrogate.clip.high"),
        (clip(Clip { delta: Some(0.9), ..Clip::default() }), "surrogate.clip.delta"),
        (clip(Clip { delta: Some(2.0), dual: Some(3.0), ..Clip::default() }), "surrogate.clip.dual"),
        (kl(KlPenalty { beta: -1.0, ..KlPenalty::default() }), "kl.beta"),
        (kl(KlPenalty { cap: Some(0.0), ..KlPenalty::default() }), "kl.cap"),
        (
            kl(KlPenalty { straight_through: true, importance_weighted: true, ..KlPenalty::default() }),
            "kl.importance_weighted",
        ),
        (Objective::dr_grpo(0), "aggregate.token_sum_over.length"),
        (Objective { log_ratio_bound: 90.0, ..Objective::default() }, "log_ratio_bound"),
        (Objective { entropy_bonus: f64::INFINITY, ..Objective::default() }, "entropy_bonus"),
        (Objective { ratio: RatioLevel::Sequence, ..Objective::rloo() }, "ratio"),
        (
            Objective {
                ratio: RatioLevel::Sequence,
                surrogate: Surrogate::Vespo(Vespo::default()),
                ..Objective::default()
            },
            "ratio",
        ),
    ];
    for (objective, key) in cases {
        match objective.validate() {
            Err(Error::Config { key: named, fix, .. }) => {
                assert_eq!(named, key);
                assert!(!fix.is_empty());
            }
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[test]
fn wrong_shapes_name_the_argument() {
    let device = device();
    let ones = |rows: usize, steps: usize| tensor(&vec![vec![1.0; steps]; rows], &device, DType::F32);
    let mask = |rows: usize, steps: usize| bools(&vec![vec![true; steps]; rows], &device);
    let good = || LossInputs::new(ones(3, 4), ones(3, 1), mask(3, 4), ones(3, 1));
    assert!(Objective::default().loss(good()).is_ok());
    let cases = [
        ("advantages", LossInputs { advantages: ones(4, 1), ..good() }),
        ("advantages", LossInputs { advantages: ones(1, 4), ..good() }),
        ("mask", LossInputs { mask: mask(3, 3), ..good() }),
        ("weights", LossInputs { weights: ones(1, 1), ..good() }),
        ("old_log_probs", LossInputs { old_log_probs: Some(ones(3, 5)), ..good() }),
        ("ref_log_probs", LossInputs { ref_log_probs: Some(ones(3, 1)), ..good() }),
        ("entropies", LossInputs { entropies: Some(ones(2, 4)), ..good() }),
        ("entropy_weights", LossInputs { entropy_weights: Some(ones(2, 4)), ..good() }),
        ("sampler_ratio", LossInputs { sampler_ratio: Some(ones(1, 4)), ..good() }),
        ("keep", LossInputs { keep: Some(mask(1, 4)), ..good() }),
    ];
    for (name, inputs) in cases {
        match Objective::default().loss(inputs) {
            Err(Error::Shape { argument, .. }) => assert_eq!(argument, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let per_step = LossInputs { advantages: ones(3, 4), ..good() };
    let error = Objective::vespo().loss(per_step).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`advantages` has shape [3, 4], but [3, 1] (this surrogate weighs whole episodes) is needed"
    );
    let missing = |objective: Objective| match objective.loss(good()) {
        Err(Error::Missing { argument, .. }) => argument,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(Objective::grpo()), "ref_log_probs");
    assert_eq!(missing(Objective { entropy_bonus: 0.01, ..Objective::default() }), "entropies");

    let logits = Tensor::<3>::zeros([2, 3, 5], &device);
    let targets = Tensor::<2, Int>::zeros([2, 4], &device);
    assert!(matches!(
        token_log_probs(logits.clone(), targets, 1.0),
        Err(Error::Shape { argument: "targets", .. })
    ));
    let targets = Tensor::<2, Int>::zeros([2, 3], &device);
    assert!(matches!(token_log_probs(logits, targets, 0.0), Err(Error::Config { key: "temperature", .. })));
}

#[test]
fn rewards_that_are_no_rewards() {
    let estimator = AdvantageEstimator::default();
    assert!(matches!(estimator.estimate(&[1.0; 5], 2), Err(Error::Length { expected: 6, found: 5, .. })));
    assert!(matches!(estimator.estimate(&[1.0; 2], 0), Err(Error::Length { .. })));
    assert!(matches!(estimator.estimate(&[1.0, f32::NAN], 2), Err(Error::Value { index: 1, .. })));
    assert!(matches!(
        estimator.estimate(&[Some(f64::INFINITY), None], 2),
        Err(Error::Value { index: 0, .. })
    ));
    let opo = AdvantageEstimator { baseline: Baseline::LengthWeighted, ..estimator };
    assert!(matches!(opo.estimate(&[1.0, 0.0], 2), Err(Error::Missing { argument: "lengths", .. })));
    assert!(AdvantageEstimator { epsilon: -1.0, ..estimator }.validate().is_err());
    assert!(estimator.estimate::<f64>(&[], 4).is_ok_and(|advantages| advantages.values.is_empty()));
}

#[test]
fn equal_rewards_give_exactly_zero() {
    // 0.1 + 0.2 and 0.3 differ in the last bit, and so does the mean of three 0.1f32 in f32.
    let estimator = AdvantageEstimator { epsilon: 0.0, ..AdvantageEstimator::default() };
    for group in
        [[0.1 + 0.2, 0.3, 0.3], [f64::from(0.1_f32), 0.1, f64::from(0.1_f32)], [1e-30; 3], [-1e6, -1e6, -1e6]]
    {
        let advantages = estimator.estimate(&group, 3).unwrap();
        assert_eq!(advantages.values, [0.0; 3], "{group:?}");
        assert_eq!(advantages.groups_without_spread, 1);
    }
    // What differs, however little, is told apart, and scaling rewards changes nothing.
    let small = estimator.estimate(&[1e-6, 2e-6, 3e-6], 3).unwrap();
    let large = estimator.estimate(&[1e6, 2e6, 3e6], 3).unwrap();
    assert!((small.values[2] - 1.0).abs() < 1e-9 && (large.values[2] - 1.0).abs() < 1e-9);
    assert_eq!((small.groups_without_spread, large.groups_without_spread), (0, 0));
}

#[test]
fn weights_made_on_the_device_are_those_of_the_host() {
    let device = device();
    let mask = [vec![true, true, false], vec![false, false, false], vec![true, false, true]];
    for aggregate in [
        Aggregate::SequenceMean,
        Aggregate::TokenMean,
        Aggregate::TokenSumOver { length: 5 },
        Aggregate::SequenceSum,
    ] {
        let on_device = support::matrix(aggregate.weights(bools(&mask, &device)));
        let on_host = aggregate.row_weights(&support::lengths(&mask));
        assert!(
            on_host.iter().all(|weight| weight.is_finite() && *weight > 0.0),
            "{aggregate:?}: {on_host:?}"
        );
        for ((row, weight), mask) in on_device.iter().zip(on_host).zip(&mask) {
            for (&got, &active) in row.iter().zip(mask) {
                let want = if active { weight } else { 0.0 };
                assert!((got - want).abs() < 1e-6, "{aggregate:?}: {got} instead of {want}");
            }
        }
    }
}
