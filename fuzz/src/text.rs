//! Verifiers of text: all of them on one completion.

use std::sync::LazyLock;

use grpo_rewards::text::code_fences;
use grpo_rewards::{Reward, RewardSpec, Sample};
use serde_json::{Map, Value};

use crate::budget::within;
use crate::input;

/// Rewards of each kind that judges one completion, in settings that lead through all of their code.
const REWARDS: &str = r#"[
    { "kind": "number" },
    { "kind": "tags" },
    { "kind": "tags", "name": "tags, as TRL", "tags": ["think"], "outside": "after", "partial": "tags" },
    { "kind": "tags", "name": "tags by lines", "partial": "lines" },
    { "kind": "format" },
    { "kind": "exact_match" },
    { "kind": "exact_match", "name": "loose", "ignore_case": true, "ignore_punctuation": true, "ignore_compatibility": true },
    { "kind": "exact_match", "name": "in the answer tag", "part": "answer_tag" },
    { "kind": "exact_match", "name": "after thinking", "part": "after_think" },
    { "kind": "exact_match", "name": "in a code fence", "part": "code_fence" },
    { "kind": "exact_match", "name": "in the last line", "part": "last_line" },
    { "kind": "exact_match", "name": "in a pattern", "part": { "regex": "<(\\w+)>" } },
    { "kind": "normalized_match" },
    { "kind": "f1" },
    { "kind": "multiple_choice" },
    { "kind": "regex", "pattern": "(a+)+$" },
    { "kind": "json_schema" },
    { "kind": "code_fence" },
    { "kind": "language" },
    { "kind": "keywords", "words": ["dog", "cat"] },
    { "kind": "letter_share", "letter": "e" },
    { "kind": "initial_share", "letter": "s" },
    { "kind": "words_per_sentence", "target": 8 },
    { "kind": "length", "target": 10, "unit": "words" },
    { "kind": "soft_overlong", "max_tokens": 60, "cache_tokens": 20 },
    { "kind": "cosine_length", "max_tokens": 100, "verifier": { "kind": "multiple_choice" } },
    { "kind": "repetition", "items": "words", "max_penalty": -1 },
    { "kind": "repetition", "name": "repeated tokens", "items": "tokens", "max_penalty": -1 }
]"#;

static VERIFIERS: LazyLock<Vec<(String, Box<dyn Reward>)>> = LazyLock::new(|| {
    let specs: Vec<RewardSpec> = serde_json::from_str(REWARDS).expect("the list above is valid");
    let build =
        |spec: RewardSpec| (spec.name().to_owned(), spec.build().expect("the settings above are valid"));
    specs.into_iter().map(build).collect()
});

/// Long enough to hold everything, short enough that scoring twice costs little.
const SHORT: usize = 4 << 10;

/// A completion, a reference, and the further fields of the row (a JSON object), divided by the divider.
pub fn text_rewards(data: &[u8]) {
    let text = input::text(data);
    let [completion, reference, fields] = input::parts(&text, ["", "A", "{}"]);
    let fields: Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
    let tokens: Vec<u32> = completion.bytes().map(u32::from).collect();
    let sample =
        Sample::new("", completion).with_reference(reference).with_fields(&fields).with_tokens(&tokens);
    within("code_fences", || code_fences(completion).count());
    for (name, reward) in VERIFIERS.iter() {
        let score = within(name, || reward.score(&sample));
        if text.len() < SHORT {
            // Compared as text, because a failure is NaN.
            let again = reward.score(&sample);
            assert_eq!(format!("{score:?}"), format!("{again:?}"), "{name} gives two scores");
        }
        let Some(score) = score else { continue };
        // NaN is a failure, for instance because of a schema in the fields that is none.
        assert!(score.value.is_nan() || (-1.0..=1.0).contains(&score.value), "{name}: {score:?}");
        assert!(!score.reason.is_empty() && score.reason.len() < 2000, "{name}: {score:?}");
        assert!(score.extracted.is_none_or(|extracted| extracted.len() < 2000), "{name}");
    }
}
