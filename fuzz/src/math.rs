//! Math answers: finding, reading and comparing them.

use std::sync::LazyLock;

use grpo_rewards::math::{Comparison, MathAnswer, Place, equal, find_answer, parse_answer};
use grpo_rewards::{Reward, RewardSpec, Sample};

use crate::budget::within;
use crate::input;

static VERIFIER: LazyLock<Box<dyn Reward>> =
    LazyLock::new(|| RewardSpec::new(MathAnswer::default()).build().expect("the defaults are valid"));

const PLACES: [Place; 6] =
    [Place::Hash, Place::Boxed, Place::Phrase, Place::LastFormula, Place::LastNumber, Place::Last];

/// A completion, and a reference after the divider (`x+1` without one).
pub fn math_answer(data: &[u8]) {
    let text = input::text(data);
    let [completion, reference] = input::parts(&text, ["", "x+1"]);
    for place in PLACES {
        let found = within("find_answer", || find_answer(completion, &[place]));
        if let Some((_, answer)) = found {
            within("the comparison of what was found", || equal(answer, reference));
        }
    }
    let read = within("parse_answer", || parse_answer(completion).is_ok());
    let comparison = within("the comparison", || equal(completion, reference));
    assert_eq!(comparison, equal(completion, reference), "the same comparison twice");
    // A comparison refuses NUL everywhere, reading only outside of `\text{}`.
    if read && !completion.contains('\0') {
        let is_unreadable = matches!(comparison, Comparison::Unreadable(_));
        assert!(!is_unreadable, "what can be read can be compared: {comparison:?}");
    }
    let sample = Sample::new("", completion).with_reference(reference);
    if let Some(score) = within("the reward", || VERIFIER.score(&sample)) {
        assert!(score.value == 0.0 || score.value == 1.0, "{score:?}");
        assert!(!score.reason.is_empty() && score.reason.len() < 2000, "{score:?}");
        assert!(score.extracted.is_none_or(|extracted| extracted.len() < 2000));
    }
}
