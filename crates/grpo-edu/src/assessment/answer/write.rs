//! The line that gives certain responses.

use std::collections::HashMap;

use super::options::{Labels, Options};
use super::{Choice, Interaction, Response, kinds, read};

/// The completion that gives these responses, in the form that [`instructions`](super::instructions) asks for: reading it gives the
/// same responses back.
///
/// `None` where nothing is answered, or where a response can't be written: an identifier that the list doesn't have, a response of
/// another kind than the interaction's, a number that isn't finite, an order or pairs in another order than [`read`] gives them.
pub fn write(interactions: &[Interaction], responses: &[Option<Response>]) -> Option<String> {
    if interactions.len() != responses.len() {
        return None;
    }
    let line = match (interactions, responses) {
        ([], _) => return None,
        ([Interaction::Essay], [Some(Response::Text(essay))]) => essay.clone(),
        ([interaction], [response]) => format!("#### {}", part(interaction, response.as_ref()?)?),
        _ => {
            let mut parts = Vec::new();
            for (index, (interaction, response)) in interactions.iter().zip(responses).enumerate() {
                if let Some(response) = response {
                    let part = part(interaction, response)?;
                    parts.push(format!("{}: {part}", index + 1));
                }
            }
            if parts.is_empty() {
                return None;
            }
            format!("#### {}", parts.join("; "))
        }
    };
    let back = read(interactions, &line);
    back.into_iter().map(Result::ok).eq(responses.iter().cloned()).then_some(line)
}

fn part(interaction: &Interaction, response: &Response) -> Option<String> {
    match (interaction, response) {
        (
            Interaction::Choice { choices, .. } | Interaction::InlineChoice { choices },
            Response::Chosen(ids),
        )
        | (Interaction::Order { choices }, Response::Ordered(ids)) => listed(choices, ids),
        (Interaction::Match { sources, targets }, Response::Pairs(pairs)) => {
            paired(sources, targets, pairs.iter().map(|(source, target)| (source, target)))
        }
        (Interaction::GapMatch { fillings, gaps }, Response::Pairs(pairs)) => {
            paired(gaps, fillings, pairs.iter().map(|(filling, gap)| (gap, filling)))
        }
        (Interaction::Text | Interaction::Essay | Interaction::Number, Response::Text(text)) => {
            Some(quoted_if_needed(text))
        }
        (Interaction::Number, Response::Number(value, written)) => {
            let same = matches!(kinds::read(interaction, written), Ok(found) if found == *response);
            Some(if same { quoted_if_needed(written) } else { value.to_string() })
        }
        (Interaction::Point, Response::Point(x, y)) => Some(format!("{x},{y}")),
        (Interaction::Truth, Response::Truth(truth)) => Some(truth.to_string()),
        _ => None,
    }
}

fn places(choices: &[Choice]) -> HashMap<&str, usize> {
    choices.iter().enumerate().rev().map(|(index, choice)| (choice.id.as_str(), index)).collect()
}

fn listed(choices: &[Choice], ids: &[String]) -> Option<String> {
    if ids.is_empty() {
        return Some(Options::new(choices, Labels::Letters).nothing()?.into());
    }
    let places = places(choices);
    let letters = ids.iter().map(|id| Some(Labels::Letters.of(*places.get(id.as_str())?)));
    Some(letters.collect::<Option<Vec<_>>>()?.join(", "))
}

fn paired<'a>(
    numbered: &[Choice],
    lettered: &[Choice],
    pairs: impl ExactSizeIterator<Item = (&'a String, &'a String)>,
) -> Option<String> {
    if pairs.len() == 0 {
        return Some(Options::new(lettered, Labels::Letters).nothing()?.into());
    }
    let (numbers, letters) = (places(numbered), places(lettered));
    let written = pairs.map(|(number, letter)| {
        let number = Labels::Numbers.of(*numbers.get(number.as_str())?);
        let letter = Labels::Letters.of(*letters.get(letter.as_str())?);
        Some(format!("{number}-{letter}"))
    });
    Some(written.collect::<Option<Vec<_>>>()?.join(", "))
}

/// A text as it is, or as a JSON string where it would be read as something else.
fn quoted_if_needed(text: &str) -> String {
    let special = |c: char| c.is_control() || matches!(c, ';' | ':' | '#');
    if !text.is_empty() && !text.starts_with('"') && !text.contains(special) && kinds::text(text) == text {
        return text.into();
    }
    // `####` would begin another answer.
    serde_json::Value::from(text).to_string().replace('#', "\\u0023")
}
