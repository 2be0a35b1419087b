//! Knowledge models: what a log of answers says about skills, items and learners, and learners to teach or test made from it.
//!
//! | model | what it knows | to train a policy on |
//! |---|---|---|
//! | [`Bkt`], Bayesian knowledge tracing | how each skill is learnt | [`BktEpisode`]: which skill to practise next |
//! | [`Irt`], item response theory | how hard each item is, and how telling | [`IrtEpisode`]: which question to ask next |
//!
//! A [`ResponseLog`] is read from a table or from xAPI statements, and fitted by maximum likelihood.
//!
//! ```
//! use grpo_edu::knowledge::{Bkt, BktFit, Columns, ResponseLog};
//!
//! let table = "learner,skill,correct\nada,fractions,0\nada,fractions,1\nada,fractions,1\nbob,fractions,0\n\
//!              bob,fractions,0\nbob,fractions,1\n";
//! let log = ResponseLog::parse_csv(table, "answers.csv", &Columns::default())?;
//! let model = Bkt::fit(&log, &BktFit::default())?;
//! let skill = &model.skills()[0];
//! println!("{} is learnt with probability {:.2} a practice", skill.name, skill.learn);
//! # Ok::<(), grpo_edu::EduError>(())
//! ```

mod bkt;
mod irt;
mod log;
mod quality;

pub use bkt::{Bkt, BktFit, BktReport, BktSkill, BktSkillReport};
#[cfg(feature = "tutors")]
pub use bkt::{BktEpisode, BktLearner};
#[cfg(feature = "tutors")]
pub use irt::IrtEpisode;
pub use irt::{Ability, Irt, IrtFit, IrtItem, IrtKind, IrtReport};
pub use log::{Columns, Response, ResponseLog};
pub use quality::Quality;

use crate::error::EduError;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

/// The version of model files that this program reads and writes.
const VERSION: u64 = 1;

/// The kinds of models, as a person writes them: `bkt`, `irt1`, `irt2`, `irt3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelKind {
    /// Bayesian knowledge tracing.
    Bkt,
    /// Item response theory with one, two or three parameters.
    Irt(IrtKind),
}

impl ModelKind {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Bkt, Self::Irt(IrtKind::One), Self::Irt(IrtKind::Two), Self::Irt(IrtKind::Three)];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bkt => "bkt",
            Self::Irt(IrtKind::One) => "irt1",
            Self::Irt(IrtKind::Two) => "irt2",
            Self::Irt(IrtKind::Three) => "irt3",
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ModelKind {
    type Err = EduError;

    fn from_str(text: &str) -> Result<Self, EduError> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| EduError::Config {
            key: "model",
            value: format!("{text:?}"),
            need: format!("one of {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

/// A fitted model of one of the kinds, which can be kept in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnowledgeModel {
    /// Bayesian knowledge tracing.
    Bkt(Bkt),
    /// Item response theory.
    Irt(Irt),
}

/// A model file.
#[derive(Debug, Serialize)]
struct ModelFile<'a> {
    version: u64,
    model: &'a KnowledgeModel,
}

impl KnowledgeModel {
    /// Fits a model of this kind with the default settings. `seed` decides the random starts of `bkt`; `irt` has none.
    ///
    /// # Errors
    ///
    /// Those of [`Bkt::fit`] and [`Irt::fit`].
    pub fn fit(log: &ResponseLog, kind: ModelKind, seed: u64) -> Result<Self, EduError> {
        match kind {
            ModelKind::Bkt => Bkt::fit(log, &BktFit { seed, ..BktFit::default() }).map(Self::Bkt),
            ModelKind::Irt(kind) => Irt::fit(log, &IrtFit { kind, ..IrtFit::default() }).map(Self::Irt),
        }
    }

    /// Writes the model to a file, which must not exist.
    ///
    /// # Errors
    ///
    /// [`EduError::WriteFile`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), EduError> {
        let path = path.as_ref();
        let refuse = |reason: String| EduError::WriteFile { path: path.display().to_string(), reason };
        let mut text = serde_json::to_string_pretty(&ModelFile { version: VERSION, model: self })
            .map_err(|error| refuse(error.to_string()))?;
        text.push('\n');
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
            refuse(match error.kind() {
                std::io::ErrorKind::AlreadyExists => "it exists; choose another name or remove it".into(),
                _ => error.to_string(),
            })
        })?;
        file.write_all(text.as_bytes()).map_err(|error| refuse(error.to_string()))
    }

    /// Reads a model from a file that [`KnowledgeModel::save`] has written.
    ///
    /// # Errors
    ///
    /// [`EduError::ReadFile`]; [`EduError::ModelFile`] for another file, another version, or parameters outside their ranges.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, EduError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| EduError::ReadFile { path: name.clone(), reason: error.to_string() })?;
        Self::parse(&text).map_err(|reason| EduError::ModelFile { path: name, reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        const FIX: &str = "`grpo edu fit` writes one";
        let mut file: serde_json::Value =
            serde_json::from_str(text).map_err(|error| format!("not JSON ({error}); {FIX}"))?;
        match file.get("version").map(serde_json::Value::as_u64) {
            Some(Some(VERSION)) => {}
            Some(Some(version)) => {
                return Err(format!(
                    "it has version {version}, and this program reads version {VERSION}; fit it again"
                ));
            }
            _ => return Err(format!("it has no `version`; {FIX}")),
        }
        let model = file.get_mut("model").map(serde_json::Value::take).unwrap_or_default();
        let model: Self =
            serde_json::from_value(model).map_err(|error| format!("`model`: {error}; {FIX}"))?;
        match &model {
            Self::Bkt(model) => model.validate(),
            Self::Irt(model) => model.validate(),
        }
        .map_err(|error| error.to_string())?;
        Ok(model)
    }
}

/// Akaike's and the Bayesian criterion.
fn criteria(log_likelihood: f64, parameters: usize, independent: usize) -> (f64, f64) {
    let (parameters, deviance) = (parameters as f64, -2.0 * log_likelihood);
    (deviance + 2.0 * parameters, deviance + parameters * (independent as f64).ln())
}

/// A model has at least one skill or item, and no two of one name.
fn check_names<'a>(key: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), EduError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(EduError::Config {
                key,
                value: format!("a list with `{name}` twice"),
                need: "a list of different names".into(),
            });
        }
    }
    match seen.is_empty() {
        true => Err(EduError::Config { key, value: "empty".into(), need: "a list of at least one".into() }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in ModelKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "irt4".parse::<ModelKind>().unwrap_err().to_string();
        assert_eq!(error, "`model` is \"irt4\", but it must be one of bkt, irt1, irt2, irt3");
    }

    #[test]
    fn a_file_that_is_no_model_is_refused() {
        let skill = r#"{"name": "s", "prior": 0.1, "learn": 0.1, "guess": 0.1, "slip": 0.1}"#;
        let file = |version: &str, skills: &str| {
            format!(r#"{{"version": {version}, "model": {{"bkt": {{"skills": [{skills}]}}}}}}"#)
        };
        let Ok(KnowledgeModel::Bkt(model)) = KnowledgeModel::parse(&file("1", skill)) else { panic!() };
        assert_eq!((model.skills()[0].forget, model.report()), (0.0, None));
        let table = [
            ("{".to_string(), "not JSON"),
            ("{}".to_string(), "no `version`"),
            (file("2", skill), "version 2"),
            (r#"{"version": 1}"#.to_string(), "`model`"),
            (r#"{"version": 1, "model": {"hmm": {}}}"#.to_string(), "hmm"),
            (file("1", ""), "`skills` is empty"),
            (file("1", &format!("{skill}, {skill}")), "`s` twice"),
            (file("1", &skill.replace("\"slip\": 0.1", "\"slip\": 1.1")), "`slip` of `s` is 1.1"),
            (file("1", &skill.replace("slip", "slipp")), "slipp"),
        ];
        for (text, expected) in table {
            let error = KnowledgeModel::parse(&text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
