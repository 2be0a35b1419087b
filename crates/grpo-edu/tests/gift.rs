//! GIFT: structure against an independent parser, scores against Moodle's rules, bad files.

use std::path::Path;

use grpo_edu::assessment::bank::{BankItem, Grading, Range};
use grpo_edu::assessment::{Definition, Interaction, Item, Response, Style, gift};
use serde_json::Value;

const COURSE: &str = include_str!("assessment/gift/course.gift");

fn course() -> Vec<BankItem> {
    gift::read(COURSE, "course.gift").unwrap().into_iter().map(BankItem::in_order).collect()
}

fn one(text: &str) -> BankItem {
    let mut items = gift::read(text, "t.gift").unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(items.len(), 1, "{text}");
    items.remove(0).in_order()
}

fn score(item: &BankItem, completion: &str) -> f64 {
    item.mark(completion).score.unwrap()
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

/// Words alone: how white space is kept is our own affair, and HTML is text for the other parser.
fn words(text: &str) -> String {
    let mut text = text.to_owned();
    for tag in ["<p>", "</p>", "<b>", "</b>"] {
        text = text.replace(tag, "");
    }
    text.replace("_____ .", "_____.").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn same(found: Option<&str>, expected: &Value, what: &str) {
    let expected = expected.as_str().map(words).filter(|text| !text.is_empty());
    assert_eq!(found.map(words), expected, "{what}");
}

fn same_number(range: Range, expected: &Value) {
    let number = |key: &str| expected[key].as_f64().unwrap();
    match (range, expected["type"].as_str()) {
        (Range::Any, None) => assert_eq!(expected, "*"),
        (Range::Near { answer, tolerance }, Some("simple")) => {
            assert_eq!((answer, tolerance), (number("number"), 0.0))
        }
        (Range::Near { answer, tolerance }, Some("range")) => {
            assert_eq!((answer, tolerance), (number("number"), number("range")))
        }
        (Range::Between { low, high }, Some("high-low")) => {
            assert_eq!((low, high), (number("numberLow"), number("numberHigh")))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_structure_is_what_gift_pegjs_reads() {
    let expected: Vec<Value> = serde_json::from_str(include_str!("assessment/gift/course.json")).unwrap();
    let items = course();
    let mut items = items.iter();
    let mut category = None;
    let mut compared = 0;
    for question in &expected {
        if question["type"] == "Category" {
            category = question["title"].as_str();
            continue;
        }
        let item = items.next().unwrap();
        let name = format!("line {}", item.line());
        assert_eq!(item.category(), category, "{name}");
        assert_eq!(item.title(), question["title"].as_str(), "{name}");
        if let Some(id) = question["id"].as_str() {
            assert_eq!(item.id(), id);
        }
        assert_eq!(
            item.tags(),
            question["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect::<Vec<_>>()
        );
        same(Some(item.question(Style::Plain)), &question["stem"], &name);
        same(item.feedback(), &question["feedback"], &name);
        let choices = || question["choices"].as_array().unwrap().iter();
        // `=` is worth 100% and `~` nothing where no percentage is given.
        let share = |choice: &Value| match choice["percent"].as_f64() {
            Some(percent) => percent / 100.0,
            None => f64::from(u8::from(choice["right"] == true)),
        };
        let same_share =
            |found: f64, choice: &Value| assert!((found - share(choice)).abs() < 1e-6, "{name}: {choice}");
        match (item.grading(), question["type"].as_str().unwrap()) {
            (Grading::One { options } | Grading::Several { options }, "MC")
            | (Grading::Short { answers: options, .. }, "Short") => {
                assert_eq!(options.len(), choices().len(), "{name}");
                for (option, choice) in options.iter().zip(choices()) {
                    same(Some(&option.text), &choice["answer"], &name);
                    same(option.feedback.as_deref(), &choice["feedback"], &name);
                    same_share(option.share, choice);
                }
                let right = choices().any(|choice| choice["right"] == true);
                assert_eq!(matches!(item.grading(), Grading::Several { .. }), !right, "{name}");
            }
            (Grading::Numbers { accepted }, "Numerical") => {
                assert_eq!(accepted.len(), choices().len(), "{name}");
                for (range, choice) in accepted.iter().zip(choices()) {
                    same_number(range.range, &choice["answer"]);
                    same(range.feedback.as_deref(), &choice["feedback"], &name);
                    same_share(range.share, choice);
                }
            }
            (Grading::Truth { right, if_wrong, if_right }, "TF") => {
                assert_eq!(question["truth"], *right, "{name}");
                same(if_wrong.as_deref(), &question["told"][0], &name);
                same(if_right.as_deref(), &question["told"][1], &name);
            }
            (Grading::Match { sources, targets, partners }, "Matching") => {
                let pairs: Vec<(&str, &str)> = question["pairs"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
                    .collect();
                let with_left: Vec<_> = pairs.iter().copied().filter(|(left, _)| !left.is_empty()).collect();
                let found: Vec<(&str, &str)> = sources
                    .iter()
                    .zip(partners)
                    .map(|(source, target)| (source.as_str(), targets[*target].as_str()))
                    .collect();
                assert_eq!(found, with_left, "{name}");
                assert!(
                    pairs
                        .iter()
                        .all(|(_, right)| targets.iter().filter(|target| target == right).count() == 1),
                    "{name}"
                );
            }
            (Grading::Essay, "Essay") | (Grading::Description, "Description") => {}
            other => panic!("{name}: {other:?}"),
        }
        compared += 1;
    }
    assert!(items.next().is_none());
    assert_eq!(compared, 22);
}

#[test]
fn every_item_can_be_solved_and_described() {
    for item in gift::read(COURSE, "course.gift").unwrap() {
        let Definition { id, name, interactions, correct, .. } = item.definition();
        assert!(!id.is_empty() && !name.is_empty());
        assert_eq!(interactions.len(), correct.len());
        let scored = item.grading().is_scored();
        assert_eq!(item.solution().is_some(), scored, "{id}");
        let empty = item.mark("");
        assert_eq!(empty.score, scored.then_some(0.0), "{id}");
        if let Some(solution) = item.solution() {
            let marked = item.mark(&format!("Thinking of #### X\n{solution}"));
            assert_eq!(
                (marked.score, marked.max, marked.success()),
                (Some(1.0), 1.0, Some(true)),
                "{id}: {solution}"
            );
            assert_eq!(marked.responses, correct, "{id}");
            assert!(empty.reason.contains("no answer found"), "{}", empty.reason);
        }
        for style in [Style::Plain, Style::Markdown] {
            let prompt = item.prompt(style);
            assert!(prompt.starts_with(item.question(style)), "{prompt}");
            assert_eq!(prompt.contains("####"), scored, "{prompt}");
        }
    }
}

#[test]
fn prompts_have_options_and_a_line_on_how_to_answer() {
    let items = course();
    assert_eq!(
        items[0].prompt(Style::Plain),
        "Which river runs through Paris?\n\nA. Seine\nB. Thames\nC. Danube\nD. Tiber\n\nAnswer with one letter after ####."
    );
    assert_eq!(
        items[1].prompt(Style::Markdown),
        "Which of these flow into the North Sea?\n\n- A. Elbe\n- B. Rhine\n- C. Thames\n- D. Danube\n- E. Rhône\n\nAnswer with the letters after `####`, like \
         `#### A, C` (`#### none` for none of them)."
    );
    let rule = items.iter().find(|item| item.title() == Some("TF2")).unwrap();
    assert_eq!(rule.question(Style::Plain), "The sum of two odd numbers is odd.");
    assert_eq!(rule.question(Style::Markdown), "The sum of two odd numbers is **odd**.");
    let animals = items.iter().find(|item| item.title() == Some("Match1")).unwrap();
    assert_eq!(
        animals.prompt(Style::Plain),
        "Which animal eats what?\n\n1. cat\n2. cow\n3. horse\n4. dog\n\nA. mouse\nB. grass\nC. bone\nD. stone\n\nAnswer with the pairs after ####, like \
         #### 1-B, 2-A."
    );
}

#[test]
fn options_come_in_a_stable_order_of_their_own() {
    let items: Vec<_> =
        (0..200).map(|i| one(&format!("Question {i}? {{=right ~wrong 1 ~wrong 2 ~wrong 3}}"))).collect();
    let letters = |seed: u64| -> Vec<String> {
        items.iter().map(|item| item.clone().shuffled(seed).solution().unwrap()).collect()
    };
    let (first, again, other) = (letters(0), letters(0), letters(1));
    assert_eq!(first, again);
    assert_ne!(first, other);
    for letter in ["#### A", "#### B", "#### C", "#### D"] {
        let count = first.iter().filter(|found| *found == letter).count();
        assert!((25..=75).contains(&count), "{letter}: {count} of 200");
    }
    let read = gift::read("Question 7? {=right ~wrong 1 ~wrong 2 ~wrong 3}", "t.gift").unwrap().remove(0);
    assert_eq!(read, items[7].clone().shuffled(0));
    assert_eq!(read.clone().shuffled(5).in_order(), items[7]);
    // An item's score doesn't depend on the order.
    let shuffled = items[7].clone().shuffled(3);
    let Interaction::Choice { choices, .. } = &shuffled.definition().interactions[0] else { panic!() };
    for choice in choices {
        let expected = f64::from(u8::from(choice.text == "right"));
        assert_eq!(score(&shuffled, &format!("#### {}", choice.text)), expected);
    }
}

#[test]
fn one_of_a_list() {
    let item = one("Q {=A1#well done ~%-50%B1#costs ~%50%C1 ~D1}");
    let marked = |letter: &str| item.mark(&format!("#### {letter}"));
    assert_eq!((marked("A").score, marked("A").min, marked("A").max), (Some(1.0), -0.5, 1.0));
    assert_eq!(marked("B").score, Some(-0.5));
    assert_eq!(marked("C").score, Some(0.5));
    assert_eq!(marked("D").score, Some(0.0));
    assert_eq!(marked("B").scaled(), Some(-0.5));
    assert_eq!(marked("A").reason, "A is right: well done");
    assert_eq!(marked("B").reason, "B earns -50%: costs");
    assert_eq!(marked("C").reason, "C earns 50%");
    assert_eq!(marked("D").reason, "D is wrong");
    // Unreadable answers are marked like none at all: 0, although wrong ones cost.
    for (answer, reason) in [
        ("A, B", "2 options are chosen, but at most 1 may be"),
        ("E", "`E` is none of the options (A to D)"),
        ("", "no answer found"),
    ] {
        let marked = item.mark(&format!("#### {answer}"));
        assert_eq!((marked.score, marked.responses, marked.reason.as_str()), (Some(0.0), vec![None], reason));
    }
    let percent = one("Q {=%100%%d ~%s ~%f}");
    let Grading::One { options } = percent.grading() else { panic!() };
    assert_eq!(options.iter().map(|option| option.text.as_str()).collect::<Vec<_>>(), ["%d", "%s", "%f"]);
}

#[test]
fn several_of_a_list() {
    let item = one("Q {~%33.33333%A1 ~%33.33333%B1 ~%33.33333%C1 ~%-33.33333%D1 ~%-100%E1}");
    for (answer, expected) in [
        ("A, B, C", 1.0),
        ("A", 1.0 / 3.0),
        ("A, B", 2.0 / 3.0),
        ("A, D", 0.0),
        ("A, B, C, D", 2.0 / 3.0),
        ("E", 0.0),
        ("A, B, C, D, E", 0.0),
        ("none", 0.0),
    ] {
        near(score(&item, &format!("#### {answer}")), expected);
    }
    assert_eq!(item.mark("#### A, B, C").success(), Some(true));
    assert_eq!(item.mark("#### A, B").reason, "A, B earns 66.67%");
    assert_eq!(item.mark("").min, 0.0);
    let sevenths =
        one("Q {~%14.28571%a ~%14.28571%b ~%14.28571%c ~%14.28571%d ~%14.28571%e ~%14.28571%f ~%14.28571%g}");
    assert_eq!(sevenths.mark("#### ABCDEFG").success(), Some(true));
}

#[test]
fn short_answers() {
    let item = one("Q {=Paris =%50%Par*#too vague =2\\*3 =%25%*#a guess}");
    let marked = |text: &str| item.mark(&format!("#### {text}"));
    assert_eq!(marked(" pARIS ").score, Some(1.0));
    assert_eq!(marked("\"Paris\"").score, Some(1.0));
    assert_eq!(marked("Parma").score, Some(0.5));
    assert_eq!(marked("2*3").score, Some(1.0));
    assert_eq!(marked("2 times 3").score, Some(0.25));
    assert_eq!(marked("Parma").reason, "`Parma` earns 50%: too vague");
    assert_eq!(score(&one("Q {=yes =yes indeed}"), "#### no"), 0.0);
    assert_eq!(one("Q {yes#told}").mark("#### Yes").reason, "`Yes` is right: told");
    // Only capital letters make a question of true or false, as in Moodle.
    assert!(matches!(one("Q {true}").grading(), Grading::Short { .. }));
}

#[test]
fn truth_and_feedback() {
    let item = one("Q {FALSE#it isn't#it is}");
    assert_eq!(item.mark("#### false").reason, "false is right: it is");
    assert_eq!(item.mark("#### T").reason, "true is wrong: it isn't");
    assert_eq!(item.mark("The answer is: no.").score, Some(1.0));
    assert_eq!(item.mark("#### perhaps").reason, "`perhaps` is neither true nor false");
}

#[test]
fn numbers() {
    let item = one("Q {#=3:0.5#near =%50%3:2#far =%25%10..20 ~%-10%*#no}");
    for (answer, expected) in [
        ("3", 1.0),
        ("2.5", 1.0),
        ("3.5", 1.0),
        ("7/2", 1.0),
        ("3.51", 0.5),
        ("1", 0.5),
        ("0.999", -0.1),
        ("10", 0.25),
        ("20.0", 0.25),
        ("1e3", -0.1),
        ("three", -0.1),
        ("\\frac{5}{2}", 1.0),
    ] {
        near(score(&item, &format!("#### {answer}")), expected);
    }
    // The first range that holds it decides, as in Moodle.
    let covered = one("Q {#=%50%3:2 =5:0 =9}");
    assert_eq!((score(&covered, "#### 5"), covered.solution().as_deref()), (0.5, Some("#### 9")));
    let exact = one("Q {#0.3}");
    assert_eq!(score(&exact, "#### 0.3"), 1.0);
    assert_eq!(score(&exact, "#### 0.30000001"), 0.0);
    assert_eq!(score(&one("Q {#0.1:0.2}"), "#### 0.3"), 1.0);
    assert_eq!(exact.mark("#### much").reason, "`much` isn't a number");
    assert_eq!(exact.mark("#### 4").reason, "`4` isn't near an answer");
}

#[test]
fn matching() {
    let item = one("Q {=cat -> mouse =cow -> grass =horse -> grass = -> stone}");
    for (answer, expected, reason) in [
        ("1-A, 2-B, 3-B", 1.0, "3 of 3 pairs"),
        ("1-A, 2-B", 2.0 / 3.0, "2 of 3 pairs"),
        ("1-B, 2-B, 3-C", 1.0 / 3.0, "1 of 3 pairs"),
        ("1-A, 1-B, 2-B", 1.0 / 3.0, "1 of 3 pairs (1 with more than one partner)"),
        ("none", 0.0, "0 of 3 pairs"),
        ("cat -> mouse; cow -> grass; horse -> grass", 1.0, "3 of 3 pairs"),
    ] {
        let marked = item.mark(&format!("#### {answer}"));
        near(marked.score.unwrap(), expected);
        assert_eq!(marked.reason, reason);
    }
}

#[test]
fn essays_and_descriptions_are_kept_without_a_score() {
    let essay = one("Q {}");
    let marked = essay.mark("First,\n\nsecond.");
    assert_eq!((marked.score, marked.success()), (None, None));
    assert_eq!(marked.responses, [Some(Response::Text("First,\n\nsecond.".into()))]);
    let description = one("Just a text with \\{a\\} in it.");
    assert_eq!(description.prompt(Style::Plain), "Just a text with {a} in it.");
    assert_eq!(description.mark("anything").score, None);
}

#[test]
fn comments_ends_of_lines_and_marks_of_editors() {
    let text = "\u{feff}// [id:x\\]1][tag:a][tag: b ]\r\n::T::Q\r\n// in between {\r\nmore {=a\r\n  // [tag:c] ~\r\n~b}\r\n \t\r\n::T::R {T}\rlast";
    let items = gift::read(text, "t.gift").unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!((items[0].id(), items[1].id()), ("x]1", "question@8"));
    assert_eq!(items[0].tags(), ["a", "b", "c"]);
    assert_eq!((items[0].line(), items[1].line()), (2, 8));
    assert_eq!(items[0].question(Style::Plain), "Q\nmore");
    assert_eq!(items[1].question(Style::Plain), "R _____\nlast");
    // Titles are identifiers where they are unique.
    let items = gift::read("::T::Q {T}\n\n::U::R {T}\n\nS {T}", "t.gift").unwrap();
    assert_eq!(items.iter().map(Item::id).collect::<Vec<_>>(), ["T", "U", "question@5"]);
    let rtl = one("\u{202b}מה? {=כן ~לא}");
    assert_eq!(rtl.mark("#### \u{200f}כן").score, Some(1.0));
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_line() {
    let table = [
        ("", "t.gift has no questions"),
        ("// only a comment\n\n$CATEGORY: x", "t.gift has no questions"),
        ("Q {=a ~b", "line 1: `{` isn't closed"),
        ("One {T}\n\nTwo {=a\n\n~b}", "line 3: `{` isn't closed"),
        ("Q =a}", "line 1: `}` without a `{`"),
        ("Q {=a {x} ~b}", "line 1: `{` inside the answers"),
        ("Q {T}\nR {F}", "line 2: a brace after the answers"),
        ("Q {T}}", "line 1: a brace after the answers"),
        ("::T {T}", "line 1: the title that `::` begins isn't closed"),
        ("::T:: {T}", "line 1: no question before the answers"),
        ("{T}", "line 1: no question before the answers"),
        ("Q {\n=a\n~\n~b}", "line 3: an option without a text"),
        ("Q {x =a ~b}", "line 1: `x` stands before the first `=` or `~`"),
        ("Q {=a ~%150%b}", "line 1: 150% is no share"),
        ("Q {=%50%a ~b}", "line 1: no answer earns 100%"),
        ("Q {~%50%a ~b}", "line 1: the shares of the right options add up to 50%"),
        ("Q {~%100%a ~%100%b}", "line 1: the shares of the right options add up to 200%"),
        ("Q {~a ~b}", "line 1: the shares of the right options add up to 0%"),
        ("Q {~%100%a}", "line 1: it has 1 options"),
        ("Q {=%50%a}", "line 1: no answer earns 100%"),
        ("Q {=%50%* =a}", "line 1: no answer earns the full score: an answer before it"),
        ("Q {= =a}", "line 1: an answer without a text"),
        ("Q {=a -> b\n=c}", "line 2: no `->` in this pair"),
        ("Q {=a -> b =c ->}", "line 1: nothing after `->`"),
        ("Q {=a -> b =c -> b}", "line 1: it has 1 different right sides"),
        ("Q {= -> b = -> c}", "line 1: no pair has a left side"),
        ("Q {=%50%a -> b =c -> d}", "line 1: pairs all count the same"),
        ("Q {=a -> b#good =c -> d}", "line 1: pairs have no feedback"),
        ("Q {T#a#b#c}", "line 1: a third feedback"),
        ("Q {#}", "line 1: no number in ``"),
        ("Q {#three}", "line 1: no number in `three`"),
        ("Q {#1,5}", "line 1: no number in `1,5`"),
        ("Q {#inf}", "line 1: no number in `inf`"),
        ("Q {#1e999}", "line 1: no number"),
        ("Q {#3:-1}", "line 1: a negative tolerance"),
        ("Q {#5..1}", "line 1: the ends are exchanged"),
        ("Q {#\n=%50%3}", "line 1: no answer earns 100%"),
        ("Q {#~3}", "line 1: no answer earns 100%"),
        ("Q\n$CATEGORY: x", "line 2: `$CATEGORY:` inside a question"),
        ("$CATEGORY:\n\nQ {T}", "line 1: a category without a name"),
        ("Q {T}\n\na\0b {T}", "line 3: a control character (U+0000)"),
        (
            "// [id:1]\nQ {T}\n\n// [id:1]\nR {T}",
            "line 5: the identifier `1` is also that of the question at line 2",
        ),
        ("// [id:1]\n// [id:2]\nQ {T}", "line 2: a second identifier after `1`"),
    ];
    for (text, expected) in table {
        let error = gift::read(text, "t.gift").expect_err(text).to_string();
        assert!(error.starts_with("t.gift") && error.contains(expected), "{text:?}: {error}");
    }
    let many = format!("Q {{=a {}}}", "~b ".repeat(1000));
    assert!(gift::read(&many, "t.gift").unwrap_err().to_string().contains("1001 answers, but at most 1000"));
}

#[test]
fn files() {
    let folder = std::env::temp_dir().join(format!("gift-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("bank.gift");
    std::fs::write(&path, COURSE).unwrap();
    assert_eq!(gift::open(&path).unwrap(), gift::read(COURSE, "").unwrap());
    std::fs::write(&path, b"Q {T}\n\nR\xff {T}").unwrap();
    let error = gift::open(&path).unwrap_err().to_string();
    assert!(error.contains("bank.gift, line 3: this isn't UTF-8"), "{error}");
    let error = gift::open(folder.join("none.gift")).unwrap_err().to_string();
    assert!(error.contains("none.gift can't be read"), "{error}");
    assert!(gift::open(Path::new("/")).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}
