//! Statements of sessions: who answered what in which session, and how it ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::iri::{decode, is_iri, segment};
use super::pattern::{definition, response};
use super::statement::*;
use super::time::iso_duration;
use super::validate::{is_language, is_mailbox};
use super::{Timestamp, Uuid, XapiError};
use crate::assessment::{Definition, Marked};

/// How statements are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XapiConfig {
    /// The IRI under which activities have theirs: `items/ID`, `skills/NAME`, `assessments/NAME`. It ends in `/`, `#` or `:`.
    /// Default: `https://example.org/grpo/`; a domain of your own keeps your activities apart from others.
    pub base: String,
    /// The language of titles and questions (RFC 5646). Default: `en`.
    pub language: String,
    /// What the statements call the program. Default: `grpo`.
    pub platform: String,
    /// The version of xAPI. Default: `1.0.3`.
    pub version: Version,
}

impl Default for XapiConfig {
    fn default() -> Self {
        Self {
            base: "https://example.org/grpo/".into(),
            language: "en".into(),
            platform: "grpo".into(),
            version: Version::default(),
        }
    }
}

/// How statements call a learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learner {
    /// An account with this name at [`XapiConfig::base`].
    Id(String),
    /// An account somewhere else.
    Account {
        /// Where, an IRI.
        home_page: String,
        /// Its name there.
        name: String,
    },
    /// An address, `ada@example.org`.
    Mail(String),
    /// The SHA-1 of an address, so that only who knows the address knows whose answers these are.
    HashedMail(String),
    /// Nobody in particular: an account of its own for each session.
    Anonymous,
}

/// A session: one learner, one assessment.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInfo<'a> {
    /// The run, unique among all that send to the same store: statements of the same run, session and step have the same id.
    pub run: &'a str,
    /// The session within the run.
    pub session: &'a str,
    /// Who answers.
    pub learner: Learner,
    /// What is answered: the name of a bank of questions, of a package or of a tutor.
    pub assessment: &'a str,
}

/// An answered item.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The place in the session, from 0.
    pub step: u64,
    /// The question.
    pub item: &'a Definition,
    /// How the answer was marked.
    pub marked: &'a Marked,
    /// The skill that the question practises.
    pub skill: Option<&'a str>,
    /// When it was answered.
    pub at: Timestamp,
    /// How long the answer took.
    pub took: Option<Duration>,
}

/// The end of a session.
#[derive(Debug, Clone, Copy)]
pub struct Finished {
    /// When.
    pub at: Timestamp,
    /// The score of the whole session.
    pub score: Option<Score>,
    /// Whether it was passed; `None` where that isn't a question, and the session is `completed`.
    pub passed: Option<bool>,
    /// How long the session took.
    pub took: Option<Duration>,
}

/// Makes statements.
///
/// ```
/// use grpo_edu::assessment::xapi::{Answered, Learner, Recorder, SessionInfo, Timestamp, XapiConfig};
/// use grpo_edu::assessment::{Definition, Interaction, Marked, Response};
///
/// let recorder = Recorder::new(XapiConfig::default())?;
/// let session = recorder.session(SessionInfo {
///     run: "monday",
///     session: "1",
///     learner: Learner::Id("ada".into()),
///     assessment: "fractions",
/// })?;
/// let item = Definition { id: "half".into(), interactions: vec![Interaction::Number], ..Definition::default() };
/// let answer = vec![Some(Response::Number(0.5, "1/2".into()))];
/// let marked = Marked { responses: answer, score: Some(1.0), min: 0.0, max: 1.0, reason: "right".into() };
/// let at = Timestamp::from_unix(1_795_431_534, 0)?;
/// let answered = Answered { step: 0, item: &item, marked: &marked, skill: Some("halves"), at, took: None };
/// let statement = session.answered(&answered)?;
/// assert_eq!(statement.object.id, "https://example.org/grpo/items/half");
/// assert_eq!(statement.result.and_then(|result| result.response).as_deref(), Some("0.5"));
/// # Ok::<(), grpo_edu::assessment::xapi::XapiError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorder {
    config: XapiConfig,
}

/// Makes the statements of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session<'a> {
    config: &'a XapiConfig,
    actor: Actor,
    registration: Uuid,
    assessment: Activity,
}

impl Recorder {
    /// # Errors
    ///
    /// [`XapiError::Setting`].
    pub fn new(config: XapiConfig) -> Result<Self, XapiError> {
        let refuse =
            |key, value: &str, need| Err(XapiError::Setting { key, value: format!("{value:?}"), need });
        if !is_iri(&config.base) || !config.base.ends_with(['/', '#', ':']) {
            let need = "an IRI that ends in `/`, `#` or `:`, such as https://example.org/grpo/";
            return refuse("base", &config.base, need);
        }
        if !is_language(&config.language) {
            return refuse("language", &config.language, "a language tag such as en or pt-BR");
        }
        if config.platform.is_empty() {
            return refuse("platform", "", "the name of the program");
        }
        Ok(Self { config })
    }

    /// The settings.
    pub fn config(&self) -> &XapiConfig {
        &self.config
    }

    /// The item whose activity has this IRI; `None` for an activity of somebody else.
    pub fn item_of(&self, iri: &str) -> Option<String> {
        decode(iri.strip_prefix(&self.config.base)?.strip_prefix("items/")?)
    }

    /// The skill whose activity has this IRI; `None` for an activity of somebody else.
    pub fn skill_of(&self, iri: &str) -> Option<String> {
        decode(iri.strip_prefix(&self.config.base)?.strip_prefix("skills/")?)
    }

    /// Begins a session. The same run and session always have the same registration.
    ///
    /// # Errors
    ///
    /// [`XapiError::Setting`] for a learner without a name, or with something that is no address.
    pub fn session(&self, info: SessionInfo<'_>) -> Result<Session<'_>, XapiError> {
        let base = Uuid::v5(&Uuid::URL, &self.config.base);
        // A JSON list, so that no two pairs of names make the same text.
        let registration = Uuid::v5(&base, &Value::from(vec![info.run, info.session]).to_string());
        let actor = self.actor(info.learner, registration)?;
        let definition = ActivityDefinition {
            kind: Some(ASSESSMENT.into()),
            name: in_language(&self.config.language, info.assessment),
            ..ActivityDefinition::default()
        };
        let assessment = activity(&self.config.base, "assessments", info.assessment, definition);
        Ok(Session { config: &self.config, actor, registration, assessment })
    }

    fn actor(&self, learner: Learner, registration: Uuid) -> Result<Actor, XapiError> {
        let account = |home_page: String, name: String| Actor {
            account: Some(Account { home_page, name }),
            object_type: Some("Agent".into()),
            ..Actor::default()
        };
        let refuse =
            |value: &str, need| Err(XapiError::Setting { key: "learner", value: format!("{value:?}"), need });
        match learner {
            Learner::Id(name) | Learner::Account { name, .. } if name.is_empty() => refuse(&name, "a name"),
            Learner::Id(name) => Ok(account(self.config.base.clone(), name)),
            Learner::Account { home_page, .. } if !is_iri(&home_page) => {
                refuse(&home_page, "an account whose home page is an IRI with a scheme")
            }
            Learner::Account { home_page, name } => Ok(account(home_page, name)),
            Learner::Mail(mail) | Learner::HashedMail(mail) if !is_mailbox(&format!("mailto:{mail}")) => {
                refuse(&mail, "an address such as ada@example.org")
            }
            Learner::Mail(mail) => Ok(Actor {
                mbox: Some(format!("mailto:{mail}")),
                object_type: Some("Agent".into()),
                ..Actor::default()
            }),
            Learner::HashedMail(mail) => Ok(Actor {
                mbox_sha1sum: Some(sha1_smol::Sha1::from(format!("mailto:{mail}")).digest().to_string()),
                object_type: Some("Agent".into()),
                ..Actor::default()
            }),
            Learner::Anonymous => Ok(account(self.config.base.clone(), format!("anonymous-{registration}"))),
        }
    }
}

fn activity(base: &str, room: &str, name: &str, definition: ActivityDefinition) -> Activity {
    let id = format!("{base}{room}/{}", segment(name));
    Activity { object_type: Some("Activity".into()), id, definition: Some(definition) }
}

impl Session<'_> {
    /// What all statements of this session have in common.
    pub fn registration(&self) -> Uuid {
        self.registration
    }

    /// The statement that the session began.
    ///
    /// # Errors
    ///
    /// [`XapiError::Invalid`].
    pub fn initialized(&self, at: Timestamp) -> Result<Statement, XapiError> {
        self.statement(
            (INITIALIZED, "initialized"),
            &[],
            self.assessment.clone(),
            None,
            self.context(None),
            at,
        )
    }

    /// The statement that an item was answered.
    ///
    /// The item's activity is the object, its skill the `grouping` and the assessment the `parent`. An answer that isn't scored has
    /// neither score nor success.
    ///
    /// # Errors
    ///
    /// [`XapiError::Invalid`], for instance for a score outside its bounds.
    pub fn answered(&self, answered: &Answered<'_>) -> Result<Statement, XapiError> {
        let Answered { step, item, marked, skill, at, took } = *answered;
        let config = self.config;
        let object = activity(&config.base, "items", &item.id, definition(item, &config.language));
        let response = response(&item.interactions, &marked.responses);
        let reason = (!marked.reason.is_empty()).then(|| {
            Map::from_iter([(format!("{}extensions/reason", config.base), marked.reason.clone().into())])
        });
        let result = Outcome {
            score: marked.score.map(|raw| bounded(marked.scaled(), raw, marked.min, marked.max)),
            success: marked.success(),
            completion: Some(marked.responses.iter().any(Option::is_some)),
            response,
            duration: took.map(iso_duration),
            extensions: reason,
        };
        let mut context = self.context(skill);
        if let Some(activities) = &mut context.context_activities {
            activities.parent = vec![self.assessment.clone()];
        }
        self.statement((ANSWERED, "answered"), &[step], object, Some(result), context, at)
    }

    /// The statement that the session ended: `passed`, `failed` or `completed`.
    ///
    /// # Errors
    ///
    /// [`XapiError::Invalid`], for instance for a score outside its bounds.
    pub fn finished(&self, finished: &Finished) -> Result<Statement, XapiError> {
        let verb = match finished.passed {
            Some(true) => (PASSED, "passed"),
            Some(false) => (FAILED, "failed"),
            None => (COMPLETED, "completed"),
        };
        let result = Outcome {
            score: finished.score,
            success: finished.passed,
            completion: Some(true),
            duration: finished.took.map(iso_duration),
            ..Outcome::default()
        };
        self.statement(verb, &[], self.assessment.clone(), Some(result), self.context(None), finished.at)
    }

    fn context(&self, skill: Option<&str>) -> Context {
        let base = &self.config.base;
        let skill = skill.map(|name| {
            let definition = ActivityDefinition {
                kind: Some(OBJECTIVE.into()),
                name: in_language(&self.config.language, name),
                ..ActivityDefinition::default()
            };
            activity(base, "skills", name, definition)
        });
        Context {
            registration: Some(self.registration),
            context_activities: Some(ContextActivities {
                parent: Vec::new(),
                grouping: Vec::from_iter(skill),
            }),
            platform: Some(self.config.platform.clone()),
            language: Some(self.config.language.clone()),
        }
    }

    /// `step` tells several statements with one verb apart.
    fn statement(
        &self,
        (verb, word): (&str, &str),
        step: &[u64],
        object: Activity,
        result: Option<Outcome>,
        mut context: Context,
        timestamp: Timestamp,
    ) -> Result<Statement, XapiError> {
        if context.context_activities.as_ref().is_some_and(|all| *all == ContextActivities::default()) {
            context.context_activities = None;
        }
        let name = Value::from_iter(
            std::iter::once(Value::from(word)).chain(step.iter().map(|step| (*step).into())),
        );
        let statement = Statement {
            id: Uuid::v5(&self.registration, &name.to_string()),
            actor: self.actor.clone(),
            verb: Verb { id: verb.into(), display: in_language("en", word) },
            object,
            result,
            context: Some(context),
            timestamp,
            version: self.config.version.property().into(),
        };
        statement.validate()?;
        Ok(statement)
    }
}

/// A score with its bounds, where there is room between them.
fn bounded(scaled: Option<f64>, raw: f64, min: f64, max: f64) -> Score {
    let is_range = min < max;
    Score { scaled, raw: Some(raw), min: is_range.then_some(min), max: is_range.then_some(max) }
}
