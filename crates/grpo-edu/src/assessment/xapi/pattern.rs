//! Questions and responses in the formats of xAPI's interactions (1.0.3, Data, appendix C).
//!
//! | a question asks for | `interactionType` | a response |
//! |---|---|---|
//! | a choice, a gap with its own list | `choice` | `a[,]b` |
//! | an order | `sequencing` | `b[,]a[,]c` |
//! | pairs, gaps filled from one list | `matching` | `a[.]1[,]b[.]2` |
//! | one or several short texts | `fill-in` | `this[,]that` |
//! | a long text | `long-fill-in` | the text |
//! | a number | `numeric` | `2.5` |
//! | true or false | `true-false` | `true` |
//! | a point | `other` | `12,40` |
//! | several of different kinds | `other` | a JSON list with a text or `null` for each |
//!
//! Identifiers are written without blanks and brackets, percent-encoded where they have some. xAPI has no way to escape its
//! delimiters within texts: a short text that holds `[,]` stands as it was written.

use super::iri::component;
use super::statement::{ActivityDefinition, Component, INTERACTION, InteractionType, in_language};
use crate::assessment::{Choice, Definition, Interaction, Response};

/// How a question's parts are written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One interaction.
    One(InteractionType),
    /// Several short texts.
    Texts,
    /// Several of different kinds: a JSON list.
    List,
}

fn kind(interaction: &Interaction) -> InteractionType {
    match interaction {
        Interaction::Choice { .. } | Interaction::InlineChoice { .. } => InteractionType::Choice,
        Interaction::Order { .. } => InteractionType::Sequencing,
        Interaction::Match { .. } | Interaction::GapMatch { .. } => InteractionType::Matching,
        Interaction::Text => InteractionType::FillIn,
        Interaction::Number => InteractionType::Numeric,
        Interaction::Point => InteractionType::Other,
        Interaction::Essay => InteractionType::LongFillIn,
        Interaction::Truth => InteractionType::TrueFalse,
    }
}

fn form(interactions: &[Interaction]) -> Form {
    match interactions {
        [one] => Form::One(kind(one)),
        [_, ..] if interactions.iter().all(|one| matches!(one, Interaction::Text)) => Form::Texts,
        _ => Form::List,
    }
}

/// What a statement says about a question.
pub(super) fn definition(item: &Definition, language: &str) -> ActivityDefinition {
    let form = form(&item.interactions);
    let kind = match form {
        Form::One(kind) => kind,
        Form::Texts => InteractionType::FillIn,
        Form::List => InteractionType::Other,
    };
    let components = |choices: &[Choice]| -> Option<Vec<Component>> {
        let one = |choice: &Choice| Component {
            id: component(&choice.id),
            description: in_language(language, &choice.text),
        };
        (!choices.is_empty()).then(|| choices.iter().map(one).collect())
    };
    let (mut choices, mut source, mut target) = (None, None, None);
    match item.interactions.as_slice() {
        [Interaction::Choice { choices: all, .. } | Interaction::Order { choices: all }]
        | [Interaction::InlineChoice { choices: all }] => choices = components(all),
        [Interaction::Match { sources, targets }] => {
            (source, target) = (components(sources), components(targets))
        }
        [Interaction::GapMatch { fillings, gaps }] => {
            (source, target) = (components(fillings), components(gaps))
        }
        _ => {}
    }
    // A part of the right answer isn't the right answer.
    let is_known = !item.correct.is_empty() && item.correct.iter().all(Option::is_some);
    let correct = if is_known { response(&item.interactions, &item.correct) } else { None };
    ActivityDefinition {
        kind: Some(INTERACTION.into()),
        name: in_language(language, &item.name),
        description: in_language(language, &item.description),
        interaction_type: Some(kind),
        correct_responses_pattern: correct.map(|pattern| vec![pattern]),
        choices,
        source,
        target,
    }
}

/// Responses in the format of their interaction; `None` where there is none, or an empty one.
pub(super) fn response(interactions: &[Interaction], responses: &[Option<Response>]) -> Option<String> {
    let mut texts = responses.iter().map(|response| response.as_ref().map(one_response));
    let text = match form(interactions) {
        Form::One(_) => texts.next().flatten()?,
        _ if responses.iter().all(Option::is_none) => return None,
        Form::Texts => texts.map(Option::unwrap_or_default).collect::<Vec<_>>().join("[,]"),
        // Texts and nulls always become JSON.
        Form::List => serde_json::Value::from_iter(texts).to_string(),
    };
    (!text.is_empty()).then_some(text)
}

fn one_response(response: &Response) -> String {
    match response {
        Response::Chosen(ids) | Response::Ordered(ids) => {
            ids.iter().map(|id| component(id)).collect::<Vec<_>>().join("[,]")
        }
        Response::Pairs(pairs) => {
            let pair =
                |(first, second): &(String, String)| format!("{}[.]{}", component(first), component(second));
            pairs.iter().map(pair).collect::<Vec<_>>().join("[,]")
        }
        Response::Text(text) => text.clone(),
        Response::Number(number, _) if number.is_finite() => number.to_string(),
        Response::Number(_, written) => written.clone(),
        Response::Point(x, y) => format!("{x},{y}"),
        Response::Truth(truth) => truth.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(ids: &[&str]) -> Vec<Choice> {
        ids.iter().map(|id| Choice { id: (*id).into(), text: format!("the {id}") }).collect()
    }

    fn chosen(ids: &[&str]) -> Option<Response> {
        Some(Response::Chosen(ids.iter().map(|id| (*id).into()).collect()))
    }

    #[test]
    fn every_kind_has_its_format() {
        let pairs = |pairs: &[(&str, &str)]| {
            Some(Response::Pairs(pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()))
        };
        let text = |text: &str| Some(Response::Text(text.into()));
        let list = choices(&["a", "b c", "d[,]"]);
        let table: Vec<(Interaction, Option<Response>, &str, &str)> = vec![
            (
                Interaction::Choice { choices: list.clone(), max: 0 },
                chosen(&["a", "b c"]),
                "choice",
                "a[,]b%20c",
            ),
            (Interaction::InlineChoice { choices: list.clone() }, chosen(&["d[,]"]), "choice", "d%5B,%5D"),
            (
                Interaction::Order { choices: list.clone() },
                Some(Response::Ordered(vec!["b c".into(), "a".into()])),
                "sequencing",
                "b%20c[,]a",
            ),
            (
                Interaction::Match { sources: list.clone(), targets: choices(&["1", "2"]) },
                pairs(&[("a", "1"), ("b c", "2")]),
                "matching",
                "a[.]1[,]b%20c[.]2",
            ),
            (
                Interaction::GapMatch { fillings: list, gaps: choices(&["g"]) },
                pairs(&[("a", "g")]),
                "matching",
                "a[.]g",
            ),
            (Interaction::Text, text("a word"), "fill-in", "a word"),
            (Interaction::Essay, text("many words"), "long-fill-in", "many words"),
            (Interaction::Number, Some(Response::Number(2.5, "5/2".into())), "numeric", "2.5"),
            (Interaction::Number, Some(Response::Number(f64::INFINITY, "1e999".into())), "numeric", "1e999"),
            (Interaction::Truth, Some(Response::Truth(false)), "true-false", "false"),
            (Interaction::Point, Some(Response::Point(12.0, 40.5)), "other", "12,40.5"),
        ];
        for (interaction, answer, kind, expected) in table {
            let item = Definition {
                interactions: vec![interaction],
                correct: vec![answer.clone()],
                ..Definition::default()
            };
            assert_eq!(response(&item.interactions, &[answer]).as_deref(), Some(expected));
            let definition = definition(&item, "en");
            assert_eq!(serde_json::to_value(definition.interaction_type).unwrap(), kind);
            assert_eq!(definition.correct_responses_pattern, Some(vec![expected.to_string()]));
        }
    }

    #[test]
    fn several_places_stand_together() {
        let texts = [Interaction::Text, Interaction::Text];
        let word = |word: &str| Some(Response::Text(word.into()));
        assert_eq!(response(&texts, &[word("a"), word("b")]).as_deref(), Some("a[,]b"));
        assert_eq!(response(&texts, &[None, word("b")]).as_deref(), Some("[,]b"));
        assert_eq!(response(&texts, &[None, None]), None);
        let mixed =
            [Interaction::Choice { choices: choices(&["a"]), max: 1 }, Interaction::Text, Interaction::Truth];
        let answers = [chosen(&["a"]), word("say \"x\""), None];
        assert_eq!(response(&mixed, &answers).as_deref(), Some(r#"["a","say \"x\"",null]"#));
        let item =
            Definition { interactions: mixed.to_vec(), correct: answers.to_vec(), ..Definition::default() };
        let half = definition(&item, "en");
        assert_eq!(half.interaction_type, Some(InteractionType::Other));
        assert_eq!((half.correct_responses_pattern, half.choices), (None, None));
    }

    #[test]
    fn nothing_answered_is_no_response() {
        assert_eq!(response(&[Interaction::Text], &[None]), None);
        assert_eq!(response(&[Interaction::Text], &[]), None);
        assert_eq!(response(&[Interaction::Text], &[Some(Response::Text(String::new()))]), None);
        assert_eq!(response(&[], &[]), None);
        assert_eq!(response(&[Interaction::Choice { choices: vec![], max: 1 }], &[chosen(&[])]), None);
    }
}
