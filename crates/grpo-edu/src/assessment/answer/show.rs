//! How a question is shown, and what is said about how to answer it.

use super::options::{Labels, Options};
use super::{Choice, Interaction};
use crate::assessment::Style;

/// The label of an option by its place in the list, from 0: A, B, ... Z, AA, AB, ...
///
/// ```
/// use grpo_edu::assessment::answer::label;
/// assert_eq!([0, 25, 26, 701, 702].map(label), ["A", "Z", "AA", "ZZ", "AAA"]);
/// ```
pub fn label(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index;
    loop {
        letters.push((b'A' + (rest % 26) as u8) as char);
        match (rest / 26).checked_sub(1) {
            Some(more) => rest = more,
            None => break,
        }
    }
    letters.into_iter().rev().collect()
}

/// What stands in a text where a gap is. `number` is the place of the interaction in its item, from 1, or 0 where it is the only
/// one; `index` is the place of the gap in a [`Interaction::GapMatch`], from 1, or 0 where the interaction is itself one gap.
///
/// ```
/// use grpo_edu::assessment::answer::gap;
/// assert_eq!([gap(2, 0), gap(0, 1), gap(2, 1), gap(0, 0)], ["[2]", "[1]", "[2.1]", "[...]"]);
/// ```
pub fn gap(number: usize, index: usize) -> String {
    match (number, index) {
        (0, 0) => "[...]".into(),
        (number, 0) => format!("[{number}]"),
        (0, index) => format!("[{index}]"),
        (number, index) => format!("[{number}.{index}]"),
    }
}

/// The options of an interaction, with the letters and numbers to answer with. Empty where there is nothing to choose from.
/// `number` is the place of the interaction in its item, from 1 (then it stands in front as `[1]`), or 0 where it is the only one.
///
/// Texts are shown as they are: nothing is escaped in Markdown.
pub fn show(interaction: &Interaction, number: usize, style: Style) -> String {
    let options = match interaction {
        Interaction::Choice { choices, .. } | Interaction::Order { choices } => {
            lines(choices, Labels::Letters, style)
        }
        Interaction::InlineChoice { choices } => {
            let options: Vec<String> = choices
                .iter()
                .enumerate()
                .map(|(index, choice)| format!("{}. {}", label(index), one_line(&choice.text)))
                .collect();
            let head = if number == 0 { String::new() } else { format!("{} ", gap(number, 0)) };
            return format!("{head}{}", options.join(" / "));
        }
        Interaction::Match { sources, targets } => {
            let (sources, targets) =
                (lines(sources, Labels::Numbers, style), lines(targets, Labels::Letters, style));
            format!("{sources}\n\n{targets}")
        }
        Interaction::GapMatch { fillings, gaps } => {
            let fillings = lines(fillings, Labels::Letters, style);
            if gaps.iter().all(|gap| gap.text.trim().is_empty()) {
                fillings
            } else {
                format!("{}\n\n{fillings}", lines(gaps, Labels::Numbers, style))
            }
        }
        Interaction::Text
        | Interaction::Number
        | Interaction::Point
        | Interaction::Essay
        | Interaction::Truth => return String::new(),
    };
    if number == 0 { options } else { format!("{}\n{options}", gap(number, 0)) }
}

fn lines(choices: &[Choice], labels: Labels, style: Style) -> String {
    // In Markdown, lines that aren't items of a list flow together.
    let bullet = match style {
        Style::Plain => "",
        Style::Markdown => "- ",
    };
    let line = |(index, choice): (usize, &Choice)| {
        // Further lines of an option stand under its first one.
        let text = choice.text.trim().replace('\n', "\n   ");
        format!("{bullet}{}. {text}", labels.of(index))
    };
    choices.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line that says how to answer; empty where nothing is asked.
///
/// ```
/// use grpo_edu::assessment::{Interaction, Style, answer::instructions};
/// assert_eq!(instructions(&[Interaction::Number], Style::Markdown), "Answer with a number after `####`.");
/// assert_eq!(
///     instructions(&[Interaction::Truth, Interaction::Text], Style::Plain),
///     "End with one line that answers both places: #### 1: true or false; 2: a short text"
/// );
/// ```
pub fn instructions(interactions: &[Interaction], style: Style) -> String {
    match interactions {
        [] => String::new(),
        [Interaction::Essay] => "Answer in your own words.".into(),
        [only] => {
            let Wanted { what, example, nothing } = wanted(only);
            let mut line = format!("Answer with {what} after {}", code("####", style));
            if let Some(example) = example {
                line += &format!(", like {}", code(&format!("#### {example}"), style));
            }
            if let Some(nothing) = nothing {
                line += &format!(" ({} for none of them)", code(&format!("#### {nothing}"), style));
            }
            line + "."
        }
        several => {
            let each = several.iter().enumerate().map(|(index, interaction)| {
                let Wanted { what, example, nothing } = wanted(interaction);
                let hints = [
                    example.map(|example| format!("like {example}")),
                    nothing.map(|nothing| format!("{nothing} for none")),
                ];
                let hints: Vec<String> = hints.into_iter().flatten().collect();
                let hints = if hints.is_empty() { String::new() } else { format!(" ({})", hints.join(", ")) };
                format!("{}: {what}{hints}", index + 1)
            });
            let form = format!("#### {}", each.collect::<Vec<_>>().join("; "));
            let places = if several.len() == 2 { "both places" } else { "all places" };
            format!("End with one line that answers {places}: {}", code(&form, style))
        }
    }
}

fn code(text: &str, style: Style) -> String {
    match style {
        Style::Plain => text.into(),
        Style::Markdown => format!("`{text}`"),
    }
}

/// What is wanted in one place.
struct Wanted {
    what: String,
    example: Option<String>,
    /// What to write for nothing of the list, where that can be an answer.
    nothing: Option<&'static str>,
}

fn wanted(interaction: &Interaction) -> Wanted {
    let plain = |what: &str| Wanted { what: what.into(), example: None, nothing: None };
    match interaction {
        Interaction::Choice { max: 1, .. } | Interaction::InlineChoice { .. } => plain("one letter"),
        Interaction::Choice { choices, max } => {
            let what = if *max == 0 { "the letters".into() } else { format!("up to {max} letters") };
            let example = (choices.len() > 2).then(|| "A, C".into());
            let nothing = Options::new(choices, Labels::Letters).nothing();
            Wanted { what, example, nothing }
        }
        Interaction::Order { choices } => {
            let example = (choices.len() > 2).then(|| "B, A, C".into());
            Wanted { what: "all letters in order".into(), example, nothing: None }
        }
        Interaction::Match { .. } => {
            Wanted { what: "the pairs".into(), example: Some("1-B, 2-A".into()), nothing: None }
        }
        Interaction::GapMatch { .. } => {
            Wanted { what: "a letter for each gap".into(), example: Some("1-B, 2-A".into()), nothing: None }
        }
        Interaction::Text => plain("a short text"),
        Interaction::Number => plain("a number"),
        Interaction::Point => {
            Wanted { what: "a point".into(), example: Some("120,80".into()), nothing: None }
        }
        Interaction::Essay => plain("a text"),
        Interaction::Truth => plain("true or false"),
    }
}
