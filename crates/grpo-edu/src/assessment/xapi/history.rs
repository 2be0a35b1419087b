//! Learner histories: what statements say about who answered what, and when.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::read::{at, each_statement, text_at};
use super::statement::{ANSWERED, VOIDED};
use super::time::parse_duration;
use super::validate::shown;
use super::{FoundStatement, Timestamp, XapiError};

/// An answered question, as a statement tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// Who: the actor's `mbox`, `mbox_sha1sum` or `openid`, or `homePage` and `name` of the account.
    pub learner: String,
    /// The first activity of `grouping`, else the first of `parent`, else the item.
    pub skill: String,
    /// `object.id`.
    pub item: String,
    /// `result.success`.
    pub correct: bool,
    /// What else the statement says.
    pub details: Details,
}

/// What a statement says about an answer beyond right or wrong.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Details {
    /// `result.score.scaled`, from -1 to 1.
    pub score: Option<f64>,
    /// `result.response`.
    pub response: Option<String>,
    /// `result.duration` in seconds.
    pub seconds: Option<f64>,
    /// `context.registration`: the session.
    pub session: Option<String>,
}

/// The answers of one learner in the order in which they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Who.
    pub learner: String,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// What a text of statements holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Histories {
    /// Each learner's answers; learners in the order of their first answers.
    pub learners: Vec<History>,
    /// Statements that tell of no answer, or were voided.
    pub skipped: usize,
}

/// Reads the learner histories out of a text in any form that [`statements`](super::statements) takes.
///
/// An answer is a statement with the verb [`ANSWERED`], an activity as its object and `result.success`. Others are skipped and counted,
/// and so are those that another statement voids. A learner's answers are sorted by `timestamp` (or `stored`), those of the same
/// moment in the order of the text.
///
/// # Errors
///
/// [`XapiError::Read`] names the statement: an answer without learner, item or time, or with a property of the wrong type.
///
/// ```
/// let text = r#"{
///     "actor": {"mbox": "mailto:ada@example.org"},
///     "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
///     "object": {"id": "https://example.org/q1"},
///     "result": {"success": true, "score": {"scaled": 1}, "response": "42", "duration": "PT3S"},
///     "timestamp": "2026-01-31T12:00:00Z"
/// }"#;
/// let read = grpo_edu::assessment::xapi::histories(text, "answers.json")?;
/// let answer = &read.learners[0].answers[0];
/// assert_eq!((answer.item.as_str(), answer.correct, answer.details.seconds), ("https://example.org/q1", true, Some(3.0)));
/// # Ok::<(), grpo_edu::assessment::xapi::XapiError>(())
/// ```
pub fn histories(text: &str, name: &str) -> Result<Histories, XapiError> {
    let Answers { answers, skipped, .. } = answers(text, name, details)?;
    let mut learners: Vec<History> = Vec::new();
    let mut places = HashMap::new();
    for answer in answers {
        let place = *places.entry(answer.learner.clone()).or_insert_with(|| {
            learners.push(History { learner: answer.learner.clone(), answers: Vec::new() });
            learners.len() - 1
        });
        learners[place].answers.push(answer);
    }
    Ok(Histories { learners, skipped })
}

/// Every answer of a text, by time.
pub(crate) struct Answers {
    pub(crate) answers: Vec<Answer>,
    pub(crate) skipped: usize,
    pub(crate) statements: usize,
}

/// What reads the details of an answer: [`details`], or [`no_details`] where nobody looks at them, so that they can't be wrong.
pub(crate) type ReadDetails = fn(&Map<String, Value>) -> Result<Details, String>;

pub(crate) fn no_details(_: &Map<String, Value>) -> Result<Details, String> {
    Ok(Details::default())
}

pub(crate) fn answers(text: &str, name: &str, details: ReadDetails) -> Result<Answers, XapiError> {
    let mut voided = HashSet::new();
    let mut found: Vec<(Option<String>, Result<Answer, XapiError>)> = Vec::new();
    let mut statements = 0;
    each_statement(text, name, |FoundStatement { value, place }| {
        statements += 1;
        if text_at(&value, &["verb", "id"]) == Some(VOIDED) {
            voided.extend(text_at(&value, &["object", "id"]).map(str::to_string));
        }
        // What is wrong with an answer is only said when nothing voids it, and after the whole text was read.
        let answer = answer(&value, details)
            .map_err(|problem| XapiError::Read { name: name.into(), place, problem })
            .transpose();
        found.extend(answer.map(|answer| (text_at(&value, &["id"]).map(str::to_string), answer)));
        Ok(())
    })?;
    let is_valid = |(id, _): &(Option<String>, _)| !id.as_ref().is_some_and(|id| voided.contains(id));
    let answers = found.into_iter().filter(is_valid).map(|(_, answer)| answer);
    let mut answers = answers.collect::<Result<Vec<_>, _>>()?;
    // Stable: what happened at the same moment stays in the order of the file.
    answers.sort_by_key(|answer| answer.at);
    Ok(Answers { skipped: statements - answers.len(), answers, statements })
}

/// The answer that a statement tells of, if it tells of one; else what is wrong with it.
fn answer(value: &Map<String, Value>, details: ReadDetails) -> Result<Option<Answer>, String> {
    if text_at(value, &["verb", "id"]) != Some(ANSWERED) {
        return Ok(None);
    }
    if text_at(value, &["object", "objectType"]).is_some_and(|kind| kind != "Activity") {
        return Ok(None);
    }
    let correct = match at(value, &["result", "success"]) {
        Some(Value::Bool(correct)) => *correct,
        None | Some(Value::Null) => return Ok(None),
        Some(other) => return Err(format!("`result.success` is {}; it must be true or false", shown(other))),
    };
    let item = text_at(value, &["object", "id"]).ok_or("no `object.id`; it names the question")?.to_string();
    let learner = learner(value).ok_or(
        "the actor has neither `mbox`, `mbox_sha1sum`, `openid` nor an `account` with `homePage` and `name`; \
         one of them says whose answer this is",
    )?;
    let time = text_at(value, &["timestamp"]).or_else(|| text_at(value, &["stored"]));
    let time = time.ok_or("neither `timestamp` nor `stored`; one of them gives the order of answers")?;
    let at = Timestamp::parse(time).ok_or_else(|| {
        format!("`timestamp` is {}; it must be like 2026-01-31T12:00:00Z", shown(&Value::from(time)))
    })?;
    let skill = ["grouping", "parent"]
        .iter()
        .find_map(|relation| first_id(at_path(value, relation)?))
        .unwrap_or(&item)
        .to_string();
    Ok(Some(Answer { at, learner, skill, item, correct, details: details(value)? }))
}

/// What else a statement says about its answer.
pub(crate) fn details(value: &Map<String, Value>) -> Result<Details, String> {
    let given = |path: &[&str]| at(value, path).filter(|value| !value.is_null()).cloned();
    let wrong =
        |path: &str, value: &Value, need: &str| format!("`{path}` is {}; it must be {need}", shown(value));
    let text = |path: &[&str]| match given(path) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(&path.join("."), &other, "a text")),
    };
    let score = match given(&["result", "score", "scaled"]) {
        None => None,
        Some(score) => match score.as_f64().filter(|score| (-1.0..=1.0).contains(score)) {
            Some(score) => Some(score),
            None => return Err(wrong("result.score.scaled", &score, "a number from -1 to 1")),
        },
    };
    let seconds = match text(&["result", "duration"])? {
        None => None,
        Some(written) => match parse_duration(&written).filter(|length| length.months == 0.0) {
            Some(length) => Some(length.seconds),
            None => {
                let need = "an ISO 8601 duration such as PT1M30.5S, without years and months";
                return Err(wrong("result.duration", &Value::from(written), need));
            }
        },
    };
    let (response, session) = (text(&["result", "response"])?, text(&["context", "registration"])?);
    Ok(Details { score, response, seconds, session })
}

fn at_path<'a>(value: &'a Map<String, Value>, relation: &str) -> Option<&'a Value> {
    at(value, &["context", "contextActivities", relation])
}

/// The id of the first of some activities; a single one may stand without a list.
fn first_id(activities: &Value) -> Option<&str> {
    let first = match activities {
        Value::Array(activities) => activities.first()?,
        single => single,
    };
    first.get("id")?.as_str()
}

/// The inverse functional identifier of the actor.
fn learner(statement: &Map<String, Value>) -> Option<String> {
    let simple = ["mbox", "mbox_sha1sum", "openid"];
    let simple = simple.iter().find_map(|key| text_at(statement, &["actor", key]));
    simple.map(str::to_string).or_else(|| {
        let part = |key| text_at(statement, &["actor", "account", key]);
        Some(format!("{} {}", part("homePage")?, part("name")?))
    })
}
