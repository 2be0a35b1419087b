//! How items are shown.

use grpo_edu::assessment::qti::Version;
use grpo_edu::assessment::{Interaction, Item, Response, Style};

use super::item;

#[test]
fn a_body_becomes_plain_text() {
    let expected = "Roots

No calculators.

The roots of ax^2 + bx + c = 0 are (-b ± √(b^2 - 4ac))/2a.

- Use all digits of the table.
- Water is H_2O, and snake_case is a name_with_blanks.

  1. First
  2. Second

Discriminants

equation | value
x² - 1 | 4
x² + 1 | -4 | complex

[picture: A parabola above the axis] Line one
line two

How many real roots has x^2 + 1?

A. two
B. 0

Answer with one letter after ####.";
    assert_eq!(item("rich-text.xml").prompt(Style::Plain), expected);
}

#[test]
fn a_body_becomes_markdown() {
    let expected = "## Roots

No calculators.

The roots of ax^2 + bx + c = 0 are (-b ± √(b^2 - 4ac))/2a.

- Use **all** digits of the table.
- Water is H_2O, and `snake_case` is a name\\_with\\_blanks.

  1. First
  2. Second

Discriminants

| equation | value |
| --- | --- |
| x² - 1 | 4 |
| x² + 1 | -4 \\| complex |

[picture: A parabola above the axis] Line one  
line two

How many real roots has x^2 + 1?

- A. two
- B. 0

Answer with one letter after `####`.";
    assert_eq!(item("rich-text.xml").prompt(Style::Markdown), expected);
}

#[test]
fn places_are_numbered_where_there_are_several() {
    let several = item("two-places.xml").prompt(Style::Plain);
    assert!(several.contains("in lowest terms: [1] over [2]."), "{several}");
    assert!(several.contains("What kind of fraction is it?\n\n[3]\nA. proper\nB. improper"), "{several}");
    let inline = item("v3-custom.xml").prompt(Style::Plain);
    assert!(inline.contains("Its area is [1] [2].\n\n[2] A. cm / B. cm²\n\nEnd with one line"), "{inline}");
    let gaps = item("gap-match.xml").prompt(Style::Plain);
    assert!(gaps.contains("becomes [1], and when it boils it becomes [2]."), "{gaps}");
}

#[test]
fn what_the_candidate_must_not_see_is_left_out() {
    let feedback = item("choice-single.xml").prompt(Style::Plain);
    assert!(feedback.contains("B. Mars\n") && !feedback.contains("Well done"), "{feedback}");
    assert!(!item("rich-text.xml").prompt(Style::Plain).contains("The answer is B."));
}

#[test]
fn definitions_describe_the_question() {
    let match_item = item("match.xml");
    let definition = match_item.definition();
    assert_eq!(definition.id, "match");
    assert_eq!(definition.name, "Capitals");
    assert_eq!(definition.description, "Match each country with its capital.");
    let [Interaction::Match { sources, targets }] = definition.interactions.as_slice() else {
        panic!("{:?}", definition.interactions)
    };
    assert_eq!((sources[0].id.as_str(), sources[0].text.as_str()), ("no", "Norway"));
    assert_eq!(targets.len(), 4);
    let pairs =
        [("no", "oslo"), ("pt", "lisbon"), ("ke", "nairobi")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(definition.correct, [Some(Response::Pairs(pairs.to_vec()))]);
    // Without a correct response, what is worth the most stands for it.
    assert_eq!(item("v3-text-entry.xml").definition().correct, [Some(Response::Text("Paris".into()))]);
    assert_eq!(item("essay.xml").definition().correct, [None]);
}

#[test]
fn versions_are_told_apart() {
    assert_eq!(item("match.xml").version(), Version::V2p1);
    assert_eq!(item("record.xml").version(), Version::V2p2);
    assert_eq!(item("v3-choice.xml").version(), Version::V3p0);
}
