//! Texts made to hurt: every kind of reward scores or refuses each of them in bounded time, without a panic.

use std::time::{Duration, Instant};

use grpo_rewards::{Outcome, Reward, RewardSpec, Sample};

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

/// Those that look for a number, at tokens or at a group, and those made of others.
const MORE: &[&str] = &[
    r#"{ "kind": "number" }"#,
    r#"{ "kind": "number", "name": "boxed_number", "order": ["boxed"] }"#,
    r#"{ "kind": "number", "name": "last_number", "order": ["last_number"] }"#,
    r#"{ "kind": "math" }"#,
    r#"{ "kind": "math", "name": "last_math", "order": ["last"] }"#,
    r#"{ "kind": "length", "name": "characters", "target": 10, "unit": "characters" }"#,
    r#"{ "kind": "length", "name": "tokens", "target": 10 }"#,
    r#"{ "kind": "soft_overlong", "max_tokens": 100, "cache_tokens": 20 }"#,
    r#"{ "kind": "cosine_length", "max_tokens": 100 }"#,
    r#"{ "kind": "repetition" }"#,
    r#"{ "kind": "repetition", "name": "repetition64", "items": "words", "ngram": 64 }"#,
    r#"{ "kind": "diversity" }"#,
    r#"{ "kind": "diversity", "name": "diversity64", "ngram": 64 }"#,
    r#"{ "kind": "diversity", "name": "diversity_tokens", "items": "tokens" }"#,
    r#"{ "kind": "sum", "of": [{ "kind": "number" }, { "kind": "f1" }] }"#,
    r#"{ "kind": "product", "of": [{ "kind": "number" }, { "kind": "f1" }] }"#,
    r#"{ "kind": "gate", "condition": { "kind": "format" }, "reward": { "kind": "number" } }"#,
    r#"{ "kind": "first", "of": [{ "kind": "number" }, { "kind": "f1" }] }"#,
    r#"{ "kind": "clip", "of": { "kind": "number" }, "min": 0, "max": 1 }"#,
    r#"{ "kind": "normalized", "of": { "kind": "number" } }"#,
    r#"{ "kind": "rank", "of": { "kind": "number" } }"#,
    r#"{ "kind": "pass_at_k", "of": { "kind": "number" }, "k": 2 }"#,
];

/// Those that others answer for: another program or service, which has a time limit of its own, and the question
/// itself.
const ELSEWHERE: [&str; 3] = ["process", "http", "item"];

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
        "'",
        "word's ",
        "\u{2019}a",
        "Σ",
        "Σ'",
        "Σ\u{301}a ",
        "ΑΣ ",
        "İ ",
        "\u{212a} ",
        "ǅ ",
        "𝐀 ",
        "𐐀",
        "\u{10ffff}",
        "10^",
        "9,",
        "1 ",
        "((",
        "\\frac{",
        "a. ",
        "!?",
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
    texts.extend(
        [1, 2, 3, 8, 20].map(|length| random_words(size, "abcdefghijklmnopqrstuvwxyz0123456789", length)),
    );
    texts
        .extend([1, 2, 3].map(|length| random_words(size, "абвгдежзийклмнопрстуфхцчшщъыьэюяΣΑΒΓΔΕ", length)));
    texts.push(random_words(size, "aĀǍΣϢЯԱאعܐ߁अกᄀᚠᠠἈⰀぁ㐀一ꀀ가ﬀ𐀀𐐀𝐀𠀀'\u{301}\u{e0001}\u{f0000}", 4));
    texts
}

/// Words of `length` letters, most of them different where there are enough.
fn random_words(size: usize, letters: &str, length: usize) -> String {
    let letters: Vec<char> = letters.chars().collect();
    let mut random = Random(size as u64);
    let mut text = String::with_capacity(size + 100);
    while text.len() + 4 * length < size {
        text.extend((0..length).map(|_| letters[random.below(letters.len())]));
        text.push(' ');
    }
    text
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

/// The time for each of two completions of one group, with a token for every byte.
fn timed_in_group(
    reward: &dyn Reward,
    completion: &str,
    fields: &serde_json::Map<String, serde_json::Value>,
) -> Duration {
    let tokens: Vec<u32> = completion.bytes().map(u32::from).collect();
    let sample = Sample::new("", completion).with_reference("42").with_fields(fields).with_tokens(&tokens);
    let started = Instant::now();
    let outcomes = reward.score_batch(&[sample, sample]);
    let took = started.elapsed() / 2;
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        match outcome {
            Outcome::Scored(score) => assert!(score.reason.len() < 2000, "{}", score.reason.len()),
            Outcome::NotApplicable => {}
            Outcome::Failed(why) => panic!("{}: {why}", reward.name()),
        }
    }
    took
}

#[test]
fn every_kind_is_in_a_table() {
    let unknown = serde_json::from_str::<RewardSpec>(r#"{ "kind": "?" }"#).unwrap_err().to_string();
    let mut kinds: Vec<&str> = unknown.split('`').skip(1).step_by(2).filter(|name| *name != "?").collect();
    let specs = REWARDS.iter().chain(MORE).map(|spec| serde_json::from_str::<RewardSpec>(spec).unwrap());
    let mut here: Vec<&str> = specs.map(|spec| spec.kind.kind()).chain(ELSEWHERE).collect();
    kinds.sort_unstable();
    here.sort_unstable();
    here.dedup();
    assert_eq!(kinds, here);
}

#[test]
fn a_megabyte_of_anything_is_scored_in_linear_time_in_a_group() {
    let fields = fields();
    let rewards: Vec<_> = MORE.iter().map(|spec| build(spec)).collect();
    for text in texts(MEGABYTE) {
        for (name, reward) in &rewards {
            let took = timed_in_group(&**reward, &text, &fields);
            assert!(took < LIMIT, "{name}: {took:?} for {:?}...", text.chars().take(20).collect::<String>());
        }
    }
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
    let print = |spec: &str, time: &dyn Fn(&dyn Reward, &str) -> Duration| {
        let (name, reward) = build(spec);
        let times = texts.iter().map(|text| {
            // The least of five, so that a busy machine does not count.
            let least = (0..5).map(|_| time(&*reward, text)).min().unwrap();
            (least, text.chars().take(12).collect::<String>())
        });
        let mut times: Vec<_> = times.collect();
        times.sort_by(|a, b| b.cmp(a));
        println!("{name:16} {:?}", &times[..3]);
    };
    REWARDS.iter().for_each(|spec| print(spec, &|reward, text| timed(reward, text, "A", &fields)));
    MORE.iter().for_each(|spec| print(spec, &|reward, text| timed_in_group(reward, text, &fields)));
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
