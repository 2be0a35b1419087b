//! GIFT files that were made to take long or to break the reader.

use std::time::Instant;

use grpo_edu::assessment::{Item, Style, gift};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const COURSE: &str = include_str!("assessment/gift/course.gift");

#[test]
fn a_megabyte_of_anything_is_read_or_refused_at_once() {
    let pieces = [
        "{",
        "}",
        "=",
        "~",
        "\\",
        "::",
        "#",
        "####",
        "%",
        "%5",
        "->",
        "//",
        "// [id:",
        "// [tag:a\n",
        "[html]",
        "<b ",
        "<b \"",
        "&",
        "$CATEGORY:a\n",
        "a\n\n",
        "Q {T}\n\n",
        "Q {=a ~b}\n\n",
        "::a::Q {#1}\n\n",
        "\\{",
        "é",
        "\r",
        "\u{202e}",
        "<sup>",
    ];
    for piece in pieces {
        let long = piece.repeat(1_000_000 / piece.len());
        for text in [
            long.clone(),
            format!("Q {{{long}}}"),
            format!("Q {{={long} ~b}}"),
            format!("Q {{=a -> {long} =b -> c}}"),
            format!("Q {{#{long}}}"),
            format!("::{long}:: [html] {long} {{=%50%*=a}}"),
        ] {
            let start = Instant::now();
            if let Ok(items) = gift::read(&text, "t.gift") {
                for item in items.iter().take(10) {
                    item.mark("#### A");
                }
            }
            let took = start.elapsed();
            assert!(
                took.as_millis() < if cfg!(debug_assertions) { 20_000 } else { 2_500 },
                "{piece:?} took {took:?}"
            );
        }
    }
}

/// Changes a text at random places, from a seed.
fn mutated(source: &str, rng: &mut ChaCha8Rng) -> String {
    const PIECES: [&str; 22] = [
        "{", "}", "=", "~", "\\", "::", "#", "####", "%50%", "->", "//", "\n", "\n\n", "[html]", "[id:a]",
        "<p>", "&amp;", "T", "1..2", ":", "é", "\u{202e}",
    ];
    let mut text: Vec<char> = source.chars().collect();
    let mut below = |bound: usize| (rng.next_u64() % bound.max(1) as u64) as usize;
    for _ in 0..1 + below(6) {
        let at = below(text.len());
        match below(3) {
            0 => {
                let end = (at + 1 + below(12)).min(text.len());
                text.drain(at..end);
            }
            1 => {
                text.splice(at..at, PIECES[below(PIECES.len())].chars());
            }
            _ => {
                let end = (at + below(40)).min(text.len());
                let copied: Vec<char> = text[at..end].to_vec();
                let to = below(text.len());
                text.splice(to..to, copied);
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn mutated_files_are_read_or_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..4000 {
        let text = mutated(COURSE, &mut rng);
        match gift::read(&text, "t.gift") {
            Ok(items) => {
                read += 1;
                for item in &items {
                    item.prompt(Style::Markdown);
                    let solution = item.solution();
                    assert_eq!(solution.is_some(), item.grading().is_scored(), "{item:?}");
                    if let Some(solution) = solution {
                        assert_eq!(item.mark(&solution).success(), Some(true), "{item:?}");
                    }
                }
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().starts_with("t.gift"), "{error}");
            }
        }
    }
    assert!(read > 300 && refused > 300, "{read} read, {refused} refused");
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    for _ in 0..4000 {
        let mut bytes = vec![0; (rng.next_u64() % 300) as usize];
        rng.fill_bytes(&mut bytes);
        let _ = gift::read(&String::from_utf8_lossy(&bytes), "t.gift");
        // The printable half, among which the format's own characters are frequent.
        let text: String = bytes.iter().map(|byte| char::from(b'#' + byte % 92)).collect();
        let _ = gift::read(&text, "t.gift");
    }
}
