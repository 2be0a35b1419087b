//! Reading answers to questions of any shape.

use grpo_edu::assessment::{Choice, Interaction, Style, answer};

use crate::budget::within;
use crate::input;

/// A question, and a completion after the divider. The question has a line for each place: its kind and its lists,
/// such as `several Rome|Paris` or `match cat|dog > mouse|bone`.
pub fn answers(data: &[u8]) {
    let text = input::text(data);
    let [question, completion] = input::parts(&text, ["text", "#### A"]);
    let interactions: Vec<Interaction> = question.lines().take(8).map(interaction).collect();
    for style in [Style::Plain, Style::Markdown] {
        within("showing", || {
            interactions.iter().enumerate().for_each(|(place, one)| drop(answer::show(one, place, style)));
        });
        within("the instructions", || answer::instructions(&interactions, style));
    }
    let read = within("reading", || answer::read(&interactions, completion));
    assert_eq!(read.len(), interactions.len());
    for error in read.iter().filter_map(|result| result.as_ref().err()) {
        assert!(!error.to_string().is_empty() && error.to_string().len() < 1000, "{error}");
    }
    // What was read can be written, and means the same then.
    let responses: Vec<_> = read.into_iter().map(Result::ok).collect();
    if responses.iter().all(Option::is_none) {
        return;
    }
    let line = within("writing", || answer::write(&interactions, &responses))
        .unwrap_or_else(|| panic!("can't be written: {responses:?}"));
    let again: Vec<_> =
        within("reading", || answer::read(&interactions, &line)).into_iter().map(Result::ok).collect();
    assert_eq!(again, responses, "{line:?}");
}

fn interaction(line: &str) -> Interaction {
    let (kind, lists) = line.split_once(' ').unwrap_or((line, "a"));
    let (first, second) = lists.split_once(" > ").unwrap_or((lists, lists));
    let (first, second) = (choices(first), choices(second));
    match kind {
        "one" => Interaction::Choice { choices: first, max: 1 },
        "two" => Interaction::Choice { choices: first, max: 2 },
        "several" => Interaction::Choice { choices: first, max: 0 },
        "order" => Interaction::Order { choices: first },
        "match" => Interaction::Match { sources: first, targets: second },
        "inline" => Interaction::InlineChoice { choices: first },
        "gaps" => Interaction::GapMatch { fillings: first, gaps: second },
        "number" => Interaction::Number,
        "point" => Interaction::Point,
        "truth" => Interaction::Truth,
        "essay" => Interaction::Essay,
        _ => Interaction::Text,
    }
}

fn choices(list: &str) -> Vec<Choice> {
    let choice = |(place, text): (usize, &str)| Choice { id: format!("id{place}"), text: text.into() };
    list.split('|').enumerate().map(choice).collect()
}
