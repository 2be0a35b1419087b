//! Where in a completion the answer stands.

use grpo_rewards::number::{Marker, find_answer};

use super::text::trim;

/// The final part of a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// Everything from the answer on.
    text: &'a str,
    /// Whether it is part of a sentence ("the answer is B."), whose full stop doesn't belong to it.
    sentence: bool,
}

impl<'a> Part<'a> {
    /// The first line that holds something.
    pub(super) fn first_line(self) -> &'a str {
        self.lines().next().unwrap_or_default()
    }

    /// The lines that hold something.
    pub(super) fn lines(self) -> impl Iterator<Item = &'a str> {
        let line = move |line| if self.sentence { end_of_sentence(line) } else { trim(line) };
        let lines = trim(self.text).split('\n').filter(|line| !line.is_empty());
        lines.map(line).filter(|line| !line.is_empty())
    }
}

/// Without the full stop, and without emphasis whose other half lies outside (`**Answer:** B.`, `**Answer: B**`).
fn end_of_sentence(line: &str) -> &str {
    let stop = |line| trim(line).strip_suffix('.').map_or(trim(line), trim);
    let line = trim(line);
    if line.is_empty() {
        return line;
    }
    let line = stop(line);
    if line.matches("**").count() % 2 == 0 {
        return line;
    }
    stop(line.strip_prefix("**").or_else(|| line.strip_suffix("**")).unwrap_or(line))
}

/// The final part of a completion; `None` where it holds nothing.
pub(super) fn final_part(completion: &str) -> Option<Part<'_>> {
    let part = if let Some((_, text)) = completion.rsplit_once("####") {
        Part { text, sentence: false }
    } else if let Some(answer) = find_answer(completion, &[Marker::Boxed]) {
        Part { text: answer.text, sentence: false }
    } else if let Some(text) = after_words(completion) {
        Part { text, sentence: true }
    } else {
        Part { text: trim(completion).rsplit('\n').next()?, sentence: false }
    };
    part.lines().next().is_some().then_some(part)
}

/// What follows the last "answer:" or "answer is".
fn after_words(completion: &str) -> Option<&str> {
    const WORD: &[u8] = b"answer";
    /// The longer ones before those that they begin with.
    const ENDS: [&[u8]; 4] = [b"**:", b":", b" is:", b" is"];
    let bytes = completion.as_bytes();
    let mut places = bytes.windows(WORD.len()).enumerate().rev();
    places.find_map(|(at, word)| {
        // Two letters that most texts don't have at this distance spare most of the comparisons.
        if word[0] | 0x20 != b'a' || word[3] | 0x20 != b'w' || !word.eq_ignore_ascii_case(WORD) {
            return None;
        }
        let start = at + WORD.len();
        let follows = |end: &&&[u8]| {
            bytes.get(start..start + end.len()).is_some_and(|found| found.eq_ignore_ascii_case(end))
        };
        ENDS.iter().find(follows).and_then(|end| completion.get(start + end.len()..))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_count_whatever_their_case() {
        let plain = |completion: &str| {
            let small = completion.to_ascii_lowercase();
            let markers = ["answer:", "answer**:", "answer is:", "answer is"];
            let end = markers.iter().filter_map(|marker| Some(small.rfind(marker)? + marker.len())).max();
            end.map(|end| completion[end..].to_owned())
        };
        let pieces = [
            "answer", "ANSWER", "Answ", "er", "a", "w", " is", " Is", ":", "**:", "**", " ", "é", "B",
            "swer is:",
        ];
        let mut seed = 1_u64;
        let mut found = 0;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..10 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            assert_eq!(after_words(&text).map(str::to_owned), plain(&text), "{text:?}");
            found += usize::from(plain(&text).is_some());
        }
        assert!((1000..19_000).contains(&found), "{found}");
    }

    #[test]
    fn the_first_marker_that_is_present_decides() {
        let table = [
            ("#### A\nso #### B \nthat is it", "B"),
            ("####\n\n B\n", "B"),
            ("#####B", "B"),
            ("\\boxed{A} and \\boxed{\\text{B}} it is", "\\text{B}"),
            ("\\boxed{A}\n#### B", "B"),
            ("Answer: A\nThe final answer is: **B**.\nBye", "**B**"),
            ("**Answer:** B.", "B"),
            ("**Answer: B**", "B"),
            ("**Answer: B.**", "B"),
            ("**Answer**: B", "B"),
            ("The ANSWER is B", "B"),
            ("Answer:\nB", "B"),
            ("I think\nB\n\n", "B"),
            ("B\u{200f}\0", "B"),
        ];
        for (completion, expected) in table {
            assert_eq!(final_part(completion).map(Part::first_line), Some(expected), "{completion:?}");
        }
        for nothing in ["", " \n", "####", "B ####\n", "the answer is", "\u{feff}\0"] {
            assert_eq!(final_part(nothing), None, "{nothing:?}");
        }
    }
}
