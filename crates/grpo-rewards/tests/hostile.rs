//! Completions made to hurt: everything is scored or refused, quickly, without a panic.

use std::time::{Duration, Instant};

use grpo_rewards::{RewardSet, RewardSpec, Sample};

/// Far above what a linear pass over a megabyte takes without optimisation on a busy machine, far below what
/// a quadratic one takes.
const LIMIT: Duration = Duration::from_secs(3);

fn set(specs: &str) -> RewardSet {
    let specs: Vec<RewardSpec> = serde_json::from_str(specs).unwrap();
    RewardSet::from_specs(&specs).unwrap()
}

/// The verifier, looking in each of the places first.
fn numbers() -> RewardSet {
    set(r#"[
        { "kind": "number" },
        { "kind": "number", "name": "boxed_only", "order": ["boxed"] },
        { "kind": "number", "name": "last_only", "order": ["last_number"] }
    ]"#)
}

fn every_reward() -> RewardSet {
    set(r#"[
        { "kind": "number" },
        { "kind": "number", "name": "boxed_only", "order": ["boxed"] },
        { "kind": "number", "name": "last_only", "order": ["last_number"] },
        { "kind": "format" },
        { "kind": "exact_match", "ignore_case": true, "collapse_whitespace": true, "ignore_punctuation": true },
        { "kind": "regex", "pattern": "(a+)+$" },
        { "kind": "regex", "name": "whole", "pattern": "(x+x+)+y", "whole": true },
        { "kind": "length", "target": 10, "unit": "words" },
        { "kind": "length", "name": "characters", "target": 10, "unit": "characters" },
        { "kind": "repetition", "items": "words" },
        { "kind": "letter_share", "letter": "e" },
        { "kind": "initial_share", "letter": "s" },
        { "kind": "words_per_sentence", "target": 8 },
        { "kind": "keywords", "words": ["42"] }
    ]"#)
}

/// Texts of about `size` bytes that repeat one piece, some of them also behind or before a marker.
fn texts(size: usize) -> Vec<String> {
    let fill = |piece: &str| piece.repeat(size / piece.len());
    let mut texts: Vec<String> = [
        "(",
        ")",
        "[",
        "{",
        "}",
        "\\",
        "\\\\",
        "\\{",
        "\\boxed{",
        "\\boxed{1}",
        "\\boxed{\\boxed{1}}",
        "\\frac",
        "\\frac{",
        "\\frac{1}{",
        "\\frac12",
        "####",
        "#### 1\n",
        "#### ",
        "9",
        "1,",
        "1,000",
        ".",
        "1.",
        "-",
        "- 1",
        "+",
        "1+",
        "^",
        "10^",
        "1e",
        "1e9",
        "e",
        "$",
        "%",
        "=",
        "1=",
        "<",
        "</",
        "<a",
        "*",
        "**",
        "2**",
        "\0",
        "\x001",
        "\u{202e}",
        "1\u{202e}",
        "½",
        "1 1/2 ",
        "1/",
        " ",
        "\n",
        "1\n",
        "~",
        "a",
        "a ",
        "x1",
        "é",
        "漢",
        "\u{1f600}",
        "'",
        "word's ",
        "3 x ",
        "\\text{",
        "\\text{a}",
        "_",
        "1_",
        "\r\n",
        "#",
    ]
    .iter()
    .map(|piece| fill(piece))
    .collect();
    for index in (0..texts.len()).step_by(3) {
        texts.push(format!("#### {}", texts[index]));
        texts.push(format!("{} 42", texts[index]));
        texts.push(format!("\\boxed{{{}}}", texts[index]));
    }
    texts
}

#[track_caller]
fn check(set: &RewardSet, text: &str, reference: &str) {
    let started = Instant::now();
    let result = set.evaluate(&[Sample::new("", text).with_reference(reference)]);
    let took = started.elapsed();
    let shown: String = text.chars().take(20).collect();
    assert_eq!(result.first_failure(), None, "on {shown:?}...");
    assert!(took < LIMIT, "{took:?} for {shown:?}...");
}

#[test]
fn a_megabyte_of_anything_is_verified_in_linear_time() {
    let set = numbers();
    for text in texts(1 << 20) {
        check(&set, &text, "42");
    }
}

#[test]
fn a_reference_may_be_hostile_as_well() {
    let set = numbers();
    for text in texts(1 << 17) {
        check(&set, "#### 42", &text);
    }
}

#[test]
fn every_reward_is_linear() {
    let set = every_reward();
    for text in texts(1 << 15) {
        check(&set, &text, &text);
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
fn random_answers_never_panic() {
    const PIECES: &[&str] = &[
        "0",
        "1",
        "7",
        "10",
        "42",
        "999",
        "1,234",
        ".",
        ".5",
        ",",
        "/",
        "+",
        "-",
        "−",
        "*",
        "**",
        "×",
        "^",
        "=",
        "%",
        "\\%",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\\{",
        "\\}",
        "\\frac",
        "\\frac{1}{2}",
        "\\dfrac",
        "\\boxed{",
        "\\text{",
        "\\times",
        "\\cdot",
        "\\pi",
        "\\sqrt{",
        "\\circ",
        "^\\circ",
        "\\",
        "\\,",
        "\\left(",
        "\\right)",
        "####",
        "$",
        "€",
        "½",
        "¾",
        "²",
        "°",
        "e",
        "e5",
        "E-3",
        "x",
        "m",
        "cm",
        "apples",
        " ",
        "  ",
        "\n",
        "\t",
        "\0",
        "\u{202e}",
        "\u{a0}",
        "é",
        "漢",
        "\u{1f600}",
        "<",
        ">",
        "</b>",
        "_",
        "'",
        ":",
        "~",
        "percent",
        "10^10^10",
        "1e400",
    ];
    let set = every_reward();
    let mut random = Random(2);
    let mut read = 0;
    for round in 0..20_000 {
        let mut text = String::from(["", "#### ", "\\boxed{", "is "][random.below(4)]);
        for _ in 0..random.below(14) {
            text.push_str(PIECES[random.below(PIECES.len())]);
        }
        if text.starts_with("\\boxed{") {
            text.push('}');
        }
        let result = set.evaluate(&[Sample::new("", &text).with_reference("42")]);
        assert_eq!(result.first_failure(), None, "round {round}: {text:?}");
        // What is read must be equal to itself.
        if let Ok(number) = text.trim_start_matches("#### ").parse::<grpo_rewards::number::Number>() {
            let exact: grpo_rewards::number::Number = "0".parse().unwrap();
            assert!(number.matches(&number, &exact), "{text:?}");
            read += 1;
        }
    }
    assert!(read > 500, "the texts must not all be refused: {read} were read");
}
