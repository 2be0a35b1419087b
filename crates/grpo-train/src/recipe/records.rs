use crate::Error;
use grpo_edu::assessment::xapi::{Recorder, XapiConfig};
use serde::{Deserialize, Serialize};

/// Records of what was answered: xAPI statements of the last held-out questions (of a tutor: of the examination), in `xapi.jsonl` of the
/// run folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordsConfig {
    /// What the statements call the one who answers; a tutor's learners get a number behind it.
    pub learner: String,
    /// How statements are made.
    pub xapi: XapiConfig,
}

impl Default for RecordsConfig {
    fn default() -> Self {
        Self { learner: "policy".into(), xapi: XapiConfig::default() }
    }
}

impl RecordsConfig {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        Recorder::new(self.xapi.clone())
            .map_err(|error| Error::setting("records.xapi", "can't be used", error.to_string()))?;
        if self.learner.is_empty() {
            return Err(Error::setting("records.learner", "is empty", "give a name such as \"policy\""));
        }
        Ok(())
    }
}
