//! Texts made to hurt the verifiers for text: each is scored in bounded time, without a panic.

use std::time::{Duration, Instant};

use grpo_rewards::{Reward, RewardSpec, Sample};

/// Far above what a linear pass over a megabyte takes without optimisation on a busy machine, far below what a
/// quadratic one takes. Measured by `times_of_hostile_texts` with optimisation: below 10 ms.
const LIMIT: Duration = Duration::from_secs(3);

const REWARDS: &[&str] = &[
    r#"{ "kind": "tags" }"#,
    r#"{ "kind": "tags", "name": "trl", "tags": ["think"], "outside": "after", "partial": "tags" }"#,
    r#"{ "kind": "tags", "name": "lines", "partial": "lines" }"#,
    r#"{ "kind": "format" }"#,
    r#"{ "kind": "exact_match" }"#,
    r#"{ "kind": "exact_match", "part": "answer_tag", "name": "answer" }"#,
    r#"{ "kind": "exact_match", "part": "after_think", "name": "after" }"#,
    r#"{ "kind": "exact_match", "part": "code_fence", "name": "fence" }"#,
    r#"{ "kind": "exact_match", "part": "last_line", "name": "line" }"#,
    r#"{ "kind": "exact_match", "part": { "regex": "<(\\w+)>" }, "name": "pattern" }"#,
    r#"{ "kind": "normalized_match" }"#,
    r#"{ "kind": "f1" }"#,
    r#"{ "kind": "multiple_choice" }"#,
    r#"{ "kind": "json_schema" }"#,
    r#"{ "kind": "code_fence" }"#,
    r#"{ "kind": "language" }"#,
    r#"{ "kind": "exact_match", "name": "loose", "ignore_case": true, "ignore_punctuation": true, "ignore_compatibility": true }"#,
    r#"{ "kind": "regex", "pattern": "(a+)+$" }"#,
    r#"{ "kind": "length", "target": 10, "unit": "words" }"#,
    r#"{ "kind": "repetition", "items": "words", "max_penalty": 0 }"#,
    r#"{ "kind": "letter_share", "letter": "e" }"#,
    r#"{ "kind": "initial_share", "letter": "s" }"#,
    r#"{ "kind": "words_per_sentence", "target": 8 }"#,
    r#"{ "kind": "keywords", "words": ["dog"] }"#,
];

/// A megabyte, or less where the build is not optimised and takes twenty times as long.
const MEGABYTE: usize = if cfg!(debug_assertions) { 1 << 17 } else { 1 << 20 };

/// Texts of about `size` bytes of one piece each, some with something to find before or after it.
fn texts(size: usize) -> Vec<String> {
    const PIECES: &[&str] = &[
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "<think></think>",
        "<think>\n",
        "\n</think>\n",
        "<",
        "</",
        ">",
        "`",
        "```",
        "```\n",
        "~~~\n",
        "```a\n```\n",
        " ```\n",
        "~",
        "\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "\u{a0}",
        "\0",
        "\u{202e}",
        "\u{200f}",
        "{",
        "}",
        "[",
        "]",
        "[[",
        "]]",
        "{}",
        "[]",
        "[1,",
        "{\"a\":",
        "\"",
        "\\\"",
        "\\",
        "\"\\",
        "0",
        "[0,0,0]",
        "[{\"a\":[",
        "}]",
        "a",
        "a ",
        "A ",
        "the ",
        "B",
        "B\n",
        "(B) ",
        "A, B ",
        "answer ",
        "answer is ",
        "the answer is B. ",
        "answer: a ",
        "B is correct ",
        "choose ",
        "option ",
        "****",
        "####",
        "#### B\n",
        "\\boxed{",
        "\\boxed{B}",
        ".",
        "_",
        "é",
        "e\u{301}",
        "\u{301}",
        "ß",
        "İ",
        "ﬃ",
        "ﷺ",
        "漢",
        "字 ",
        "я",
        "\u{1f600}",
        "\u{ffff}",
        "\u{e0001}",
        "½",
        "12 ",
        "-",
        "$",
    ];
    let mut texts: Vec<String> = PIECES.iter().map(|piece| piece.repeat(size / piece.len())).collect();
    let filler = "a dog ".repeat(size / 6);
    texts.push(format!("<think>{filler}</think><answer>B</answer>"));
    texts.push(format!("```json\n{{\"a\": \"{filler}\"}}\n```\nAnswer: B"));
    texts.push(format!("{filler}}}}}}}}}}}}}}}}}"));
    texts.push(format!("{filler}{{\"a\": 1}}"));
    texts.push(format!("[{}0]", "0,".repeat(size / 2)));
    texts.push(format!("[{}0]", "0,".repeat(size / 10)));
    texts.push(format!("{{{}\"x\":0}}", "\"x\":0,".repeat(size / 6)));
    texts.push(format!("{}{}", "[".repeat(size / 2), "]".repeat(size / 2)));
    texts.push(format!("{}{}", "{\"a\":".repeat(100), "}".repeat(100)));
    texts
}

fn fields() -> serde_json::Map<String, serde_json::Value> {
    let fields = serde_json::json!({
        "language": "en",
        "choices": ["a dog", "a cat", "none of them", "B"],
        "schema": { "type": ["object", "array"], "items": { "type": "integer" }, "uniqueItems": true, "additionalProperties": { "maxLength": 5 } },
    });
    fields.as_object().unwrap().clone()
}

fn build(spec: &str) -> (String, Box<dyn Reward>) {
    let spec: RewardSpec = serde_json::from_str(spec).unwrap();
    (spec.name().to_owned(), spec.build().unwrap())
}

fn timed(
    reward: &dyn Reward,
    completion: &str,
    reference: &str,
    fields: &serde_json::Map<String, serde_json::Value>,
) -> Duration {
    let started = Instant::now();
    let score = reward.score(&Sample::new("", completion).with_reference(reference).with_fields(fields));
    let took = started.elapsed();
    if let Some(score) = score {
        assert!(score.reason.len() < 2000, "a reason is for people: {}", score.reason.len());
        assert!(score.extracted.is_none_or(|extracted| extracted.len() < 2000));
    }
    took
}

#[test]
fn a_megabyte_of_anything_is_scored_in_linear_time() {
    let fields = fields();
    for spec in REWARDS {
        let (name, reward) = build(spec);
        for text in texts(MEGABYTE) {
            let took = timed(&*reward, &text, "A", &fields);
            assert!(took < LIMIT, "{name}: {took:?} for {:?}...", text.chars().take(20).collect::<String>());
        }
        for text in texts((1 << 14) - 4) {
            let took = timed(&*reward, &text, "A", &fields);
            assert!(
                took < LIMIT,
                "{name}: {took:?} for a shorter {:?}...",
                text.chars().take(20).collect::<String>()
            );
        }
    }
}

#[test]
fn a_reference_may_be_hostile_as_well() {
    let fields = serde_json::Map::new();
    for spec in REWARDS {
        let (name, reward) = build(spec);
        for text in texts(1 << 17) {
            let took = timed(&*reward, "<answer>B</answer>", &text, &fields);
            assert!(took < LIMIT, "{name}: {took:?} for {:?}...", text.chars().take(20).collect::<String>());
        }
    }
}

/// `cargo test --release -p grpo-rewards --test hostile_text -- --ignored --nocapture`
#[test]
#[ignore = "prints times"]
fn times_of_hostile_texts() {
    let fields = fields();
    // Up to 16 KiB every text is brought to a normal form.
    let texts: Vec<String> = texts(MEGABYTE).into_iter().chain(texts((1 << 14) - 4)).collect();
    for spec in REWARDS {
        let (name, reward) = build(spec);
        // The least of three, so that a busy machine does not count.
        let time = |text: &String| (0..3).map(|_| timed(&*reward, text, "A", &fields)).min().unwrap();
        let mut times: Vec<(Duration, String)> =
            texts.iter().map(|text| (time(text), text.chars().take(12).collect())).collect();
        times.sort_by(|a, b| b.cmp(a));
        println!("{name:16} {:?}", &times[..4]);
    }
}

/// SplitMix64: seeded, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

#[test]
fn random_texts_never_panic() {
    let (fields, pieces) = (fields(), texts(8));
    let rewards: Vec<_> = REWARDS.iter().map(|spec| build(spec)).collect();
    let mut random = Random(3);
    let mut seen = vec![[0_u32; 2]; rewards.len()];
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..random.below(9) {
            let piece = &pieces[random.below(pieces.len())];
            let start = piece.floor_char_boundary(random.below(piece.len() + 1));
            text.push_str(&piece[start..]);
        }
        for ((name, reward), seen) in rewards.iter().zip(&mut seen) {
            let score = reward.score(&Sample::new("", &text).with_reference("A").with_fields(&fields));
            if let Some(score) = score {
                assert!(
                    (0.0..=1.0).contains(&score.value),
                    "{name} gives {} to {text:?}: {}",
                    score.value,
                    score.reason
                );
                seen[usize::from(score.value > 0.0)] += 1;
            }
        }
    }
    for ((name, _), [wrong, right]) in rewards.iter().zip(seen) {
        println!("{name}: {wrong} wrong, {right} right");
        assert!(wrong > 1000, "{name} judges");
    }
}
