//! What a response is worth, and why.

use std::collections::HashSet;

use super::grading::{Accepted, Credit, Grading, place};
use super::pattern::Pattern;
use crate::assessment::answer::label;
use crate::assessment::{Interaction, Response};

/// A share of the full score and the reason for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) share: f64,
    pub(super) reason: String,
}

impl Verdict {
    /// "B is right: feedback".
    fn new(what: &str, share: f64, feedback: Option<&str>) -> Self {
        let share = snapped(share);
        let worth = match share {
            1.0 => "is right".into(),
            0.0 => "is wrong".into(),
            _ => format!("earns {}%", (share * 1e4).round() / 100.0),
        };
        let feedback = feedback.map(|feedback| format!(": {feedback}")).unwrap_or_default();
        Self { share, reason: format!("{what} {worth}{feedback}") }
    }

    fn zero(reason: impl Into<String>) -> Self {
        Self { share: 0.0, reason: reason.into() }
    }
}

/// Thirds and sevenths don't add up to 1 exactly. Moodle takes what is within a millionth of it for the full score.
fn snapped(share: f64) -> f64 {
    if (share - 1.0).abs() < 1e-6 { 1.0 } else { share }
}

impl Grading {
    /// Judges a response to `interaction`, which shows this grading's options in some order.
    pub(super) fn judge(&self, interaction: &Interaction, response: &Response) -> Verdict {
        match (self, interaction, response) {
            (
                Self::One { options } | Self::Several { options },
                Interaction::Choice { choices, .. },
                Response::Chosen(ids),
            ) => {
                let chosen: Vec<&Credit> = ids.iter().filter_map(|id| options.get(place(id)?)).collect();
                let ids: HashSet<&String> = ids.iter().collect();
                let letters: Vec<String> = choices
                    .iter()
                    .enumerate()
                    .filter(|(_, choice)| ids.contains(&choice.id))
                    .map(|(shown, _)| label(shown))
                    .collect();
                judge_chosen(matches!(self, Self::Several { .. }), &chosen, &letters.join(", "))
            }
            (Self::Truth { right, if_wrong, if_right }, _, Response::Truth(truth)) => {
                let (share, feedback) = if truth == right { (1.0, if_right) } else { (0.0, if_wrong) };
                Verdict::new(&truth.to_string(), share, feedback.as_deref())
            }
            (Self::Short { answers, case }, _, Response::Text(text)) => {
                let matching = answers.iter().find(|answer| Pattern::new(&answer.text).matches(text, *case));
                match matching {
                    Some(answer) => Verdict::new(&quoted(text), answer.share, answer.feedback.as_deref()),
                    None => Verdict::zero(format!("{} is none of the answers", quoted(text))),
                }
            }
            (Self::Numbers { accepted }, _, Response::Number(number, text)) => judge_number(
                accepted.iter().find(|range| range.range.holds(*number)),
                text,
                "isn't near an answer",
            ),
            (Self::Numbers { accepted }, _, Response::Text(text)) => {
                let any = accepted.iter().find(|range| range.range == super::Range::Any);
                judge_number(any, text, "isn't a number")
            }
            (Self::Match { sources, partners, .. }, _, Response::Pairs(pairs)) => {
                judge_pairs(sources, partners, pairs)
            }
            (Self::Essay | Self::Description, ..) => Verdict::zero("not scored"),
            (
                Self::One { .. }
                | Self::Several { .. }
                | Self::Truth { .. }
                | Self::Short { .. }
                | Self::Numbers { .. }
                | Self::Match { .. },
                ..,
            ) => Verdict::zero("the answer is of another kind than the question"),
        }
    }
}

fn judge_chosen(several: bool, chosen: &[&Credit], letters: &str) -> Verdict {
    if chosen.is_empty() {
        return Verdict::zero("nothing is chosen");
    }
    let sum = chosen.iter().map(|option| option.share).sum::<f64>();
    // Moodle's bounds: a wrong option may cost in a question with one answer, and takes from the others in one with several.
    let share = if several { snapped(sum).clamp(0.0, 1.0) } else { sum };
    let feedback: Vec<&str> = chosen.iter().filter_map(|option| option.feedback.as_deref()).collect();
    let feedback = (!feedback.is_empty()).then(|| feedback.join(" "));
    Verdict::new(letters, share, feedback.as_deref())
}

fn judge_number(accepted: Option<&Accepted>, text: &str, otherwise: &str) -> Verdict {
    match accepted {
        Some(range) => Verdict::new(&quoted(text), range.share, range.feedback.as_deref()),
        None => Verdict::zero(format!("{} {otherwise}", quoted(text))),
    }
}

/// One partner each: a source with two has none.
fn judge_pairs(sources: &[String], partners: &[usize], pairs: &[(String, String)]) -> Verdict {
    let mut given: Vec<Vec<usize>> = vec![Vec::new(); sources.len()];
    for (source, target) in pairs {
        if let (Some(source), Some(target)) = (place(source), place(target))
            && let Some(given) = given.get_mut(source)
        {
            given.push(target);
        }
    }
    let right = given.iter().zip(partners).filter(|(given, partner)| given[..] == [**partner]).count();
    let twice = given.iter().filter(|given| given.len() > 1).count();
    let mut reason = format!("{right} of {} pairs", sources.len());
    if twice > 0 {
        reason += &format!(" ({twice} with more than one partner)");
    }
    let share = if sources.is_empty() { 0.0 } else { right as f64 / sources.len() as f64 };
    Verdict { share, reason }
}

/// The beginning of what was written, in one line.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut characters = text.chars();
    let mut quoted: String = characters.by_ref().take(SHOWN).map(visible).collect();
    if characters.next().is_some() {
        quoted.push('…');
    }
    format!("`{quoted}`")
}
