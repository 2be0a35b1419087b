//! What a statement is made of: the parts of xAPI that this program writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Timestamp, Uuid, XapiError, validate};

/// The verb of an answer: somebody answered a question.
pub const ANSWERED: &str = "http://adlnet.gov/expapi/verbs/answered";
/// The verb of the beginning of a session.
pub const INITIALIZED: &str = "http://adlnet.gov/expapi/verbs/initialized";
/// The verb of the end of a session that can't be passed or failed.
pub const COMPLETED: &str = "http://adlnet.gov/expapi/verbs/completed";
/// The verb of a session's good end.
pub const PASSED: &str = "http://adlnet.gov/expapi/verbs/passed";
/// The verb of a session's bad end.
pub const FAILED: &str = "http://adlnet.gov/expapi/verbs/failed";
/// The verb that takes another statement back.
pub const VOIDED: &str = "http://adlnet.gov/expapi/verbs/voided";
/// The type of activity that a question is.
pub const INTERACTION: &str = "http://adlnet.gov/expapi/activities/cmi.interaction";
/// The type of activity that a session of questions is.
pub const ASSESSMENT: &str = "http://adlnet.gov/expapi/activities/assessment";
/// The type of activity that a skill is.
pub const OBJECTIVE: &str = "http://adlnet.gov/expapi/activities/objective";

/// A version of xAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Version {
    /// 1.0.3, which most learning record stores speak.
    #[default]
    #[serde(rename = "1.0.3")]
    V1,
    /// 2.0.0 (IEEE 9274.1.1).
    #[serde(rename = "2.0.0")]
    V2,
}

impl Version {
    /// The value of the header `X-Experience-API-Version`.
    pub fn header(self) -> &'static str {
        match self {
            Self::V1 => "1.0.3",
            Self::V2 => "2.0.0",
        }
    }

    /// The property `version` of a statement. By xAPI 1.0.3 (Data, 2.4.10) it is `1.0.0` for all of 1.0.
    pub fn property(self) -> &'static str {
        match self {
            Self::V1 => "1.0.0",
            Self::V2 => "2.0.0",
        }
    }
}

/// Texts by language (RFC 5646).
pub type LanguageMap = BTreeMap<String, String>;

/// A text in one language; `None` for an empty one, which xAPI has no use for.
pub(super) fn in_language(language: &str, text: &str) -> Option<LanguageMap> {
    let text = text.trim();
    (!text.is_empty()).then(|| LanguageMap::from([(language.to_string(), text.to_string())]))
}

/// Who did it: an agent, known by exactly one of `account`, `mbox` and `mbox_sha1sum`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// Always `Agent`.
    #[serde(rename = "objectType", skip_serializing_if = "Option::is_none")]
    pub object_type: Option<String>,
    /// A name for people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An account somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// An address, as `mailto:ada@example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbox: Option<String>,
    /// The SHA-1 of such an address, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbox_sha1sum: Option<String>,
}

/// An account somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Where the account is.
    #[serde(rename = "homePage")]
    pub home_page: String,
    /// Its name there.
    pub name: String,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verb {
    /// An IRI, as [`ANSWERED`].
    pub id: String,
    /// For people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<LanguageMap>,
}

/// What it was done to: a question, a session, a skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Always `Activity`.
    #[serde(rename = "objectType", skip_serializing_if = "Option::is_none")]
    pub object_type: Option<String>,
    /// An IRI.
    pub id: String,
    /// What the activity is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<ActivityDefinition>,
}

/// What an activity is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityDefinition {
    /// An IRI, as [`INTERACTION`].
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<LanguageMap>,
    /// What is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<LanguageMap>,
    /// How it is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction_type: Option<InteractionType>,
    /// Right responses, each in the format of the interaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_responses_pattern: Option<Vec<String>>,
    /// What can be chosen or put in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choices: Option<Vec<Component>>,
    /// What needs a partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Vec<Component>>,
    /// The partners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Vec<Component>>,
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of the specification")]
pub enum InteractionType {
    TrueFalse,
    Choice,
    FillIn,
    LongFillIn,
    Matching,
    Performance,
    Sequencing,
    Likert,
    Numeric,
    Other,
}

/// Something that can be chosen, ordered or matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Unique in its list, without blanks.
    pub id: String,
    /// For people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<LanguageMap>,
}

/// What came of it. (`Result` is taken.)
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// Whether it was right, or passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// Whether it was done to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion: Option<bool>,
    /// The response, in the format of the interaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// How long it took (ISO 8601).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// What xAPI has no place for, by IRI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Map<String, Value>>,
}

/// A score.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// From -1 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled: Option<f64>,
    /// The score as it was given, within `min` and `max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<f64>,
    /// The lowest score there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The highest score there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// Where it belongs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// One session of one learner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<Uuid>,
    /// Other activities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_activities: Option<ContextActivities>,
    /// The program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The language of the session (RFC 5646).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Activities that an activity belongs to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ContextActivities {
    /// The session's assessment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent: Vec<Activity>,
    /// The skill.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grouping: Vec<Activity>,
}

/// A statement about an activity.
///
/// [`Recorder`](super::Recorder) makes them. Statements of others hold more than this; they are read with
/// [`statements`](super::statements) and [`histories`](super::histories).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The same for the same step of the same session, however often it is exported.
    pub id: Uuid,
    /// Who.
    pub actor: Actor,
    /// Did what.
    pub verb: Verb,
    /// To what.
    pub object: Activity,
    /// With what result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// Where it belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// When.
    pub timestamp: Timestamp,
    /// [`Version::property`].
    pub version: String,
}

impl Statement {
    /// Checks the statement against the rules of xAPI, as [`validate`] does for any JSON.
    ///
    /// # Errors
    ///
    /// [`XapiError::Invalid`] names the path.
    pub fn validate(&self) -> Result<(), XapiError> {
        self.value().map(|_| ())
    }

    /// The statement as JSON, checked.
    ///
    /// # Errors
    ///
    /// [`XapiError::Invalid`] names the path.
    pub fn value(&self) -> Result<Value, XapiError> {
        // A number that isn't finite becomes `null` here, which the check refuses.
        let value = serde_json::to_value(self)
            .map_err(|error| XapiError::Invalid { path: "$".into(), problem: error.to_string() })?;
        validate(&value)?;
        Ok(value)
    }
}
