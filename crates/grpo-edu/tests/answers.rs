//! How answers are read out of completions.

use std::time::{Duration, Instant};

use grpo_edu::assessment::answer::{self, Unreadable};
use grpo_edu::assessment::{Choice, Interaction, Response};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

fn list(texts: &[&str]) -> Vec<Choice> {
    texts.iter().enumerate().map(|(i, text)| Choice { id: format!("id{i}"), text: (*text).into() }).collect()
}

fn ids(places: &[usize]) -> Vec<String> {
    places.iter().map(|place| format!("id{place}")).collect()
}

fn read(interaction: &Interaction, completion: &str) -> Result<Response, Unreadable> {
    let mut results = answer::read(std::slice::from_ref(interaction), completion);
    assert_eq!(results.len(), 1);
    results.remove(0)
}

fn cities(max: usize) -> Interaction {
    Interaction::Choice { choices: list(&["Rome", "Paris", "New  York", "none of these"]), max }
}

#[test]
fn one_letter() {
    for completion in [
        "#### B",
        "#### b",
        "####B.",
        "#### (B)",
        "#### **B**",
        "#### `B`",
        "#### B) Paris",
        "#### B: paris.",
        "#### [B]",
        "#### Paris",
        "#### paris.",
        "#### option B",
        "#### **Option B**",
        "so \\boxed{B}",
        "so \\boxed{\\text{Paris}}",
        "The answer is B.",
        "**Answer:** B",
        "Answer: **Paris**.",
        "I think\n B",
        "#### \u{200f}B\0",
        "#### $B$",
        "####\nB",
        "#### A\n#### B\nThat is all, A.",
        "#### B - Paris",
    ] {
        assert_eq!(read(&cities(1), completion), Ok(Response::Chosen(ids(&[1]))), "{completion:?}");
    }
    assert_eq!(read(&cities(1), "#### new york"), Ok(Response::Chosen(ids(&[2]))));
    assert_eq!(read(&cities(1), "#### none of these"), Ok(Response::Chosen(ids(&[3]))));
    assert_eq!(read(&cities(1), "#### none"), Ok(Response::Chosen(vec![])));
}

#[test]
fn what_is_unclear_is_not_read() {
    let table = [
        ("", "no answer found"),
        ("####", "no answer found"),
        ("#### A, B", "2 options are chosen, but at most 1 may be"),
        ("#### A and B", "2 options are chosen"),
        ("#### AB", "2 options are chosen"),
        ("#### A or B", "`A or B` is none of the options (A to D)"),
        ("#### E", "`E` is none of the options (A to D)"),
        ("#### A) Paris", "has the letter of one option and the text of another"),
        ("#### B because of the Louvre", "is none of the options"),
        ("I'd say B, but A is possible", "is none of the options"),
        ("#### Lyon", "`Lyon` is none of the options"),
        ("#### 2", "`2` is none of the options"),
        // The marker decides, though the last line has a letter.
        ("#### perhaps\nB", "`perhaps` is none"),
    ];
    for (completion, reason) in table {
        let error = read(&cities(1), completion).unwrap_err().to_string();
        assert!(error.contains(reason), "{completion:?}: {error}");
    }
    let twins = Interaction::Choice { choices: list(&["same", "Same ", "other"]), max: 1 };
    assert!(matches!(read(&twins, "#### same"), Err(Unreadable::Ambiguous { .. })));
    assert_eq!(read(&twins, "#### B) same"), Ok(Response::Chosen(ids(&[1]))));
}

#[test]
fn several_letters() {
    for completion in [
        "#### A, C",
        "#### C,A",
        "#### A and C",
        "#### A C",
        "#### AC",
        "#### Rome, New York",
        "#### (A), (C)",
        "#### A; C",
        "#### A & C.",
        "#### A, A, C",
        "#### rome and new york",
    ] {
        assert_eq!(read(&cities(0), completion), Ok(Response::Chosen(ids(&[0, 2]))), "{completion:?}");
    }
    assert_eq!(read(&cities(2), "#### A, B, C"), Err(Unreadable::TooMany { found: 3, wanted: 2 }));
    assert_eq!(read(&cities(0), "#### None."), Ok(Response::Chosen(vec![])));
    let colours = Interaction::Choice { choices: list(&["red", "white", "red, white"]), max: 0 };
    assert!(matches!(read(&colours, "#### red, white"), Err(Unreadable::Ambiguous { .. })));
    assert_eq!(read(&colours, "#### red; white"), Ok(Response::Chosen(ids(&[0, 1]))));
    let one = Interaction::Choice { choices: list(&["red", "white", "red, white"]), max: 1 };
    assert_eq!(read(&one, "#### red, white"), Ok(Response::Chosen(ids(&[2]))));
    // Letters were asked for, so they come before texts.
    let grades = Interaction::Choice { choices: list(&["B", "A"]), max: 1 };
    assert_eq!(read(&grades, "#### B"), Ok(Response::Chosen(ids(&[1]))));
}

#[test]
fn orders() {
    let order = Interaction::Order { choices: list(&["egg", "larva", "pupa"]) };
    for completion in [
        "#### B, A, C",
        "#### B > A > C",
        "#### B->A -> C",
        "#### BAC",
        "#### larva, egg, pupa",
        "#### larva, egg, and pupa",
    ] {
        assert_eq!(read(&order, completion), Ok(Response::Ordered(ids(&[1, 0, 2]))), "{completion:?}");
    }
    assert_eq!(read(&order, "#### C, A"), Ok(Response::Ordered(ids(&[2, 0]))));
    assert_eq!(read(&order, "#### A, B, A"), Err(Unreadable::Repeated { found: "A".into() }));
}

#[test]
fn pairs() {
    let animals = Interaction::Match {
        sources: list(&["cat", "dog", "cow"]),
        targets: list(&["bone", "cat food", "grass", "hay"]),
    };
    let pair = |source: usize, target: usize| (format!("id{source}"), format!("id{target}"));
    let full = Ok(Response::Pairs(vec![pair(0, 1), pair(1, 0), pair(2, 2)]));
    for completion in [
        "#### 1-B, 2-A, 3-C",
        "#### 2-A, 3-C, 1-B",
        "#### 1B 2A 3C",
        "#### B-1, A-2, C-3",
        "#### 1 -> B; 2 → A; 3: C",
        "#### 1=B, 2=A, 3=C",
        "#### 1. B 2. A 3. C",
        "#### cat -> cat food, dog -> bone, cow -> grass",
        "#### (1, B), (2, A), (3, C)",
        "#### cat: cat food; dog: bone; 3 -> C",
        "#### 1-b, 2-a, 3-c.",
        "#### 1-B, 1-B, 2-A, 3-C",
    ] {
        assert_eq!(read(&animals, completion), full, "{completion:?}");
    }
    assert_eq!(read(&animals, "#### 3-C"), Ok(Response::Pairs(vec![pair(2, 2)])));
    assert_eq!(read(&animals, "#### 3-C, 3-D"), Ok(Response::Pairs(vec![pair(2, 2), pair(2, 3)])));
    assert_eq!(read(&animals, "#### none"), Ok(Response::Pairs(vec![])));
    for unreadable in [
        "#### B, A, C",
        "#### 1-B, A-2",
        "#### 1-2",
        "#### 4-A",
        "#### 1-E",
        "#### 1-A,B",
        "#### cat -> mouse",
    ] {
        assert!(read(&animals, unreadable).is_err(), "{unreadable:?}");
    }
    let gaps = Interaction::GapMatch { fillings: list(&["is", "are"]), gaps: list(&["", ""]) };
    let expected = Response::Pairs(vec![("id1".into(), "id0".into()), ("id0".into(), "id1".into())]);
    assert_eq!(read(&gaps, "#### 1-B, 2-A"), Ok(expected));
}

#[test]
fn plain_values() {
    let text = |text: &str| Ok(Response::Text(text.into()));
    assert_eq!(read(&Interaction::Text, "#### Paris"), text("Paris"));
    assert_eq!(read(&Interaction::Text, "#### **\"Paris\"**"), text("Paris"));
    assert_eq!(read(&Interaction::Text, "#### \"a\" and \"b\""), text("\"a\" and \"b\""));
    assert_eq!(read(&Interaction::Text, "#### etc."), text("etc."));
    assert_eq!(read(&Interaction::Text, "The answer is Paris."), text("Paris"));
    assert_eq!(read(&Interaction::Text, "#### \"a\\n b\""), text("a\n b"));
    let number = |value, text: &str| Ok(Response::Number(value, text.into()));
    assert_eq!(read(&Interaction::Number, "#### 1,234.5"), number(1234.5, "1,234.5"));
    assert_eq!(read(&Interaction::Number, "#### \\frac{3}{4}"), number(0.75, "\\frac{3}{4}"));
    assert_eq!(read(&Interaction::Number, "#### **-3 cm**"), number(-3.0, "-3 cm"));
    assert_eq!(read(&Interaction::Number, "#### forty"), text("forty"));
    assert_eq!(read(&Interaction::Number, "#### 3 or 4"), text("3 or 4"));
    assert_eq!(read(&Interaction::Number, "#### 10^10^10"), text("10^10^10"));
    for point in ["#### 120,80", "#### (120, 80)", "#### 120 80.", "#### 120; 80.0"] {
        assert_eq!(read(&Interaction::Point, point), Ok(Response::Point(120.0, 80.0)), "{point}");
    }
    for point in ["#### 120", "#### 1,2,3", "#### 1,inf", "#### 1,x", "#### NaN,1"] {
        assert!(matches!(read(&Interaction::Point, point), Err(Unreadable::NotPoint { .. })), "{point}");
    }
    assert_eq!(read(&Interaction::Truth, "#### TRUE."), Ok(Response::Truth(true)));
    assert_eq!(read(&Interaction::Truth, "The answer is no."), Ok(Response::Truth(false)));
    assert!(matches!(read(&Interaction::Truth, "#### maybe"), Err(Unreadable::NotTruth { .. })));
    assert_eq!(read(&Interaction::Essay, " First.\n\nThen #### more.\n"), text("First.\n\nThen #### more."));
    assert_eq!(read(&Interaction::Essay, " \n"), Err(Unreadable::Nothing));
}

#[test]
fn several_places_in_one_line() {
    let places = [cities(1), Interaction::Text, Interaction::Number];
    let full = [
        Ok(Response::Chosen(ids(&[1]))),
        Ok(Response::Text("red".into())),
        Ok(Response::Number(2.5, "2.5".into())),
    ];
    for completion in [
        "#### 1: B; 2: red; 3: 2.5",
        "#### 3: 2.5; 1: B; 2: red",
        "####\n1: B\n2: red\n3: 2.5\n",
        "#### B; red; 2.5",
        "#### 1) B; 2) red; 3) 2.5",
        "#### 1: B, 2: red, 3: 2.5",
        "#### [1] B; [2] red; [3] 2.5",
        "#### 1. B; 2. \"red\"; 3. 2.5",
        "#### 1: B; 2: red; 3: 2.5\nI hope that helps; bye",
        "**Answer: 1: B; 2: red; 3: 2.5**",
    ] {
        assert_eq!(answer::read(&places, completion), full, "{completion:?}");
    }
    let partial = answer::read(&places, "#### 2: a, b; 1: E");
    assert!(matches!(partial[0], Err(Unreadable::NotAnOption { .. })));
    assert_eq!(partial[1], Ok(Response::Text("a, b".into())));
    assert_eq!(partial[2], Err(Unreadable::Nothing));
    for (completion, reason) in [
        ("#### B; red", "2 answers without numbers, but there are 3 places"),
        ("#### B; red; 2.5; 7", "more answers than the 3 places"),
        ("#### 0: B; 1: red; 2: 2.5", "there is no place `0`"),
        ("#### 4: B", "there is no place `4`"),
        ("#### 1: B; red; 3: 2.5", "there is no place `red`"),
        ("nothing here at all", "1 answers without numbers"),
        ("", "no answer found"),
    ] {
        for result in answer::read(&places, completion) {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(reason), "{completion:?}: {error}");
        }
    }
    let twice = answer::read(&places, "#### 1: B; 1: A; 2: red");
    assert_eq!(twice[0], Err(Unreadable::Repeated { found: "1:".into() }));
    assert!(twice[1].is_ok() && twice[2].is_err());
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
fn what_cannot_be_written_is_not() {
    let choice = cities(1);
    let write =
        |interaction: &Interaction, response| answer::write(std::slice::from_ref(interaction), &[response]);
    assert_eq!(write(&choice, None), None);
    assert_eq!(write(&choice, Some(Response::Chosen(ids(&[9])))), None);
    assert_eq!(write(&choice, Some(Response::Chosen(ids(&[0, 1])))), None);
    assert_eq!(write(&choice, Some(Response::Truth(true))), None);
    assert_eq!(write(&Interaction::Number, Some(Response::Number(f64::NAN, String::new()))), None);
    assert_eq!(write(&Interaction::Number, Some(Response::Number(5e-324, "5e-324".into()))), None);
    assert_eq!(write(&Interaction::Number, Some(Response::Text("3".into()))), None);
    assert_eq!(answer::write(&[], &[]), None);
    assert_eq!(answer::write(&[choice.clone(), choice], &[None, None]), None);
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
        "\n",
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
