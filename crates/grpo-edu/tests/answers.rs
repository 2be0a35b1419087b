//! How answers are read out of completions.

use grpo_edu::assessment::answer::{self, Unreadable};
use grpo_edu::assessment::{Choice, Interaction, Response, Style};

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

#[test]
fn questions_are_shown_with_letters_and_numbers() {
    let (plain, markdown) = (Style::Plain, Style::Markdown);
    assert_eq!(answer::show(&cities(1), 0, plain), "A. Rome\nB. Paris\nC. New  York\nD. none of these");
    assert_eq!(
        answer::show(&Interaction::Order { choices: list(&["a\nb", "c"]) }, 2, markdown),
        "[2]\n- A. a\n   b\n- B. c"
    );
    let inline = Interaction::InlineChoice { choices: list(&["is", "are  not"]) };
    assert_eq!(answer::show(&inline, 3, plain), "[3] A. is / B. are not");
    assert_eq!(answer::show(&inline, 0, plain), "A. is / B. are not");
    let pairs = Interaction::Match { sources: list(&["cat", "dog"]), targets: list(&["bone"]) };
    assert_eq!(answer::show(&pairs, 0, plain), "1. cat\n2. dog\n\nA. bone");
    let gaps = Interaction::GapMatch { fillings: list(&["is"]), gaps: list(&["", ""]) };
    assert_eq!(answer::show(&gaps, 0, plain), "A. is");
    for nothing in
        [Interaction::Text, Interaction::Number, Interaction::Point, Interaction::Essay, Interaction::Truth]
    {
        assert_eq!(answer::show(&nothing, 1, plain), "");
    }
    let long = Interaction::Choice { choices: list(&["x"; 28]), max: 1 };
    assert!(answer::show(&long, 0, plain).ends_with("\nZ. x\nAA. x\nAB. x"));
    assert_eq!(read(&long, "#### AB"), Ok(Response::Chosen(ids(&[27]))));
}

#[test]
fn a_line_says_how_to_answer() {
    let says =
        |interaction: &Interaction| answer::instructions(std::slice::from_ref(interaction), Style::Plain);
    let gaps = Interaction::GapMatch { fillings: list(&["is"]), gaps: list(&["", ""]) };
    let table = [
        (cities(1), "Answer with one letter after ####."),
        (cities(2), "Answer with up to 2 letters after ####, like #### A, C (#### none for none of them)."),
        (
            Interaction::Order { choices: list(&["a", "b", "c"]) },
            "Answer with all letters in order after ####, like #### B, A, C.",
        ),
        (gaps, "Answer with a letter for each gap after ####, like #### 1-B, 2-A."),
        (Interaction::Point, "Answer with a point after ####, like #### 120,80."),
        (Interaction::Truth, "Answer with true or false after ####."),
        (Interaction::Essay, "Answer in your own words."),
    ];
    for (interaction, expected) in table {
        assert_eq!(says(&interaction), expected);
    }
    // A word for nothing that is no option.
    let negations = Interaction::Choice { choices: list(&["none", "nobody"]), max: 0 };
    assert!(says(&negations).ends_with("(#### - for none of them)."));
    assert_eq!(read(&negations, "#### none"), Ok(Response::Chosen(ids(&[0]))));
    assert_eq!(read(&negations, "#### -"), Ok(Response::Chosen(vec![])));
    assert_eq!(
        answer::instructions(&[cities(0), Interaction::Number, Interaction::Point], Style::Markdown),
        "End with one line that answers all places: `#### 1: the letters (like A, C, none for none); 2: a number; 3: a point (like 120,80)`"
    );
    assert_eq!(answer::instructions(&[], Style::Plain), "");
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
