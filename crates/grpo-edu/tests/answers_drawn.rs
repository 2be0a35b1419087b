//! Answers of any shape: what is written is read again, and nothing takes long or panics.

use std::time::{Duration, Instant};

use grpo_edu::assessment::{Choice, Interaction, Response, answer};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

fn list(texts: &[&str]) -> Vec<Choice> {
    texts.iter().enumerate().map(|(i, text)| Choice { id: format!("id{i}"), text: (*text).into() }).collect()
}

fn cities(max: usize) -> Interaction {
    Interaction::Choice { choices: list(&["Rome", "Paris", "New  York", "none of these"]), max }
}

/// Draws of whatever shape, from a seed.
struct Draws(ChaCha8Rng);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 36] = [
            "a",
            "B",
            "AB",
            " ",
            "  ",
            "\n",
            "\"",
            "\\",
            "#",
            "####",
            ";",
            ":",
            ",",
            ", 2: x",
            "1: B",
            "**",
            "*",
            "`",
            "$",
            "\\text{",
            "}",
            "none",
            "-",
            "()",
            "the answer is",
            "\\boxed{x}",
            "\u{200f}",
            "\0",
            "é",
            "\r\n",
            "->",
            "2-A",
            "1",
            "true",
            " and ",
            ".",
        ];
        let length = self.below(5);
        (0..length).map(|_| self.pick(&PIECES)).collect()
    }

    fn list(&mut self, least: usize) -> Vec<Choice> {
        let long = self.below(8) == 0;
        let count = least + self.below(if long { 40 } else { 5 });
        (0..count).map(|place| Choice { id: format!("id{place}"), text: self.text() }).collect()
    }

    fn some_of(&mut self, choices: &[Choice]) -> Vec<String> {
        choices.iter().filter(|_| self.below(2) == 0).map(|choice| choice.id.clone()).collect()
    }

    fn number(&mut self) -> f64 {
        match self.below(4) {
            0 => self.below(1000) as f64 - 500.0,
            1 => (self.below(100_000) as f64 - 5e4) / 64.0,
            2 => self.below(1000) as f64 * 1e250,
            _ => f64::from_bits(self.0.next_u64() & !(0x7ff << 52) | ((923 + self.below(200) as u64) << 52)),
        }
    }

    /// An interaction, with a response in the order that `read` gives.
    fn question(&mut self, alone: bool) -> (Interaction, Response) {
        match self.below(10) {
            0 => {
                let choices = self.list(1);
                let max = self.below(3);
                let mut chosen = self.some_of(&choices);
                chosen.truncate(if max == 0 { usize::MAX } else { max });
                (Interaction::Choice { choices, max }, Response::Chosen(chosen))
            }
            1 => {
                let choices = self.list(1);
                let mut chosen = self.some_of(&choices);
                for at in (1..chosen.len()).rev() {
                    let other = self.below(at + 1);
                    chosen.swap(at, other);
                }
                (Interaction::Order { choices }, Response::Ordered(chosen))
            }
            kind @ (2 | 3) => {
                let (numbered, lettered) = (self.list(1), self.list(1));
                let mut pairs = Vec::new();
                for number in &numbered {
                    pairs.extend(
                        self.some_of(&lettered).into_iter().take(2).map(|letter| (number.id.clone(), letter)),
                    );
                }
                if kind == 2 {
                    return (
                        Interaction::Match { sources: numbered, targets: lettered },
                        Response::Pairs(pairs),
                    );
                }
                let pairs = pairs.into_iter().map(|(gap, filling)| (filling, gap)).collect();
                (Interaction::GapMatch { fillings: lettered, gaps: numbered }, Response::Pairs(pairs))
            }
            4 => {
                let choices = self.list(1);
                let chosen = self
                    .pick(&choices.iter().map(|choice| choice.id.as_str()).collect::<Vec<_>>())
                    .to_owned();
                (Interaction::InlineChoice { choices }, Response::Chosen(vec![chosen]))
            }
            5 => (Interaction::Text, Response::Text(self.text())),
            6 => {
                let value = self.number();
                (Interaction::Number, Response::Number(value, value.to_string()))
            }
            7 => (Interaction::Point, Response::Point(self.number(), self.number())),
            8 => (Interaction::Truth, Response::Truth(self.below(2) == 0)),
            _ if alone => (Interaction::Essay, Response::Text(format!("e{}e", self.text()))),
            _ => (Interaction::Essay, Response::Text(self.text())),
        }
    }
}

#[test]
fn reading_gives_back_what_was_written() {
    let mut draws = Draws(ChaCha8Rng::seed_from_u64(6));
    for _ in 0..20_000 {
        let count = 1 + draws.below(4);
        let (interactions, mut responses): (Vec<_>, Vec<_>) = (0..count)
            .map(|_| draws.question(count == 1))
            .map(|(interaction, response)| (interaction, Some(response)))
            .unzip();
        if count > 1 {
            let unanswered = draws.below(count);
            responses[unanswered] = responses[unanswered].take().filter(|_| draws.below(2) == 0);
        }
        let line = answer::write(&interactions, &responses);
        let line = line.unwrap_or_else(|| panic!("{interactions:?} {responses:?}"));
        let back: Vec<_> = answer::read(&interactions, &line).into_iter().map(Result::ok).collect();
        assert_eq!(back, responses, "{line:?}");
        let reasoned = format!("Let me think. The answer is A: #### 1\n\\boxed{{C}}\n{line}");
        if !matches!(interactions[..], [Interaction::Essay]) {
            let back: Vec<_> = answer::read(&interactions, &reasoned).into_iter().map(Result::ok).collect();
            assert_eq!(back, responses, "{reasoned:?}");
        }
    }
}

#[test]
fn hostile_completions_are_read_or_refused_at_once() {
    let lists = Interaction::Match { sources: list(&["a"; 50]), targets: list(&["b", "c"]) };
    let interactions = [
        vec![cities(1)],
        vec![cities(0)],
        vec![Interaction::Order { choices: list(&["a", "b"]) }],
        vec![lists],
        vec![Interaction::Text],
        vec![Interaction::Number],
        vec![Interaction::Point],
        vec![Interaction::Truth],
        vec![Interaction::Essay],
        vec![cities(1), Interaction::Text, Interaction::Essay],
    ];
    let pieces = [
        "#",
        "####",
        "#### ",
        "{",
        "\\boxed{",
        "(",
        "\"",
        "\\\"",
        "1:\"",
        "1:\";",
        "A,",
        "1-A,",
        ",1:",
        ";",
        "answer:",
        "answer is ",
        "answe",
        "a",
        "1: ",
        "\n",
        "\r\n",
        "\0",
        "\u{202e}",
        "**",
        "9",
        "10^",
        "a and ",
        "->",
        "A) ",
        "é",
    ];
    for piece in pieces {
        let long = piece.repeat(1_000_000 / piece.len());
        for completion in
            [long.clone(), format!("#### {long}"), format!("####{long}####"), format!("Answer: {long}")]
        {
            for interactions in &interactions {
                let start = Instant::now();
                let read = answer::read(interactions, &completion);
                let took = start.elapsed();
                assert_eq!(read.len(), interactions.len());
                // 10 ms is the target in release on an idle core; tests share theirs.
                let limit = Duration::from_millis(if cfg!(debug_assertions) { 2000 } else { 100 });
                assert!(took < limit, "{piece:?} took {took:?} for {interactions:?}");
            }
        }
    }
}

#[test]
fn arbitrary_completions_never_panic() {
    let mut draws = Draws(ChaCha8Rng::seed_from_u64(7));
    for _ in 0..20_000 {
        let count = 1 + draws.below(3);
        let interactions: Vec<_> = (0..count).map(|_| draws.question(false).0).collect();
        let completion: String = (0..draws.below(12)).map(|_| draws.text()).collect();
        assert_eq!(answer::read(&interactions, &completion).len(), count);
        assert_eq!(answer::read(&interactions, &format!("#### {completion}")).len(), count);
    }
}
