//! Texts that a configuration names and does not hold.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A text of a configuration: written down, or kept in an environment variable so that it appears in no file.
///
/// ```
/// use grpo_rewards::external::Text;
/// let plain: Text = serde_json::from_str(r#""judge-7b""#)?;
/// let token: Text = serde_json::from_str(r#"{ "env": "JUDGE_TOKEN", "prefix": "Bearer " }"#)?;
/// assert_eq!(plain.read().unwrap(), "judge-7b");
/// assert_eq!(token.read().unwrap_err().to_string(), "the environment variable `JUDGE_TOKEN` is not set");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Text {
    /// The text itself.
    Plain(String),
    /// Where the text is found.
    Env(FromEnv),
}

/// A text in an environment variable: `{ env = "NAME" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromEnv {
    /// The variable's name.
    pub env: String,
    /// What stands before its value: `"Bearer "`. Default: nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// A text that is not where the configuration says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MissingText {
    /// No such variable.
    #[error("the environment variable `{0}` is not set")]
    NotSet(String),
    /// A variable without a value: an export that went wrong rather than a password.
    #[error("the environment variable `{0}` is empty")]
    Empty(String),
    /// Not a text.
    #[error("the environment variable `{0}` is not UTF-8")]
    NotText(String),
}

impl Text {
    /// The text, from the environment where it is kept there.
    ///
    /// # Errors
    /// [`MissingText`] where the variable is not set, empty, or not UTF-8.
    pub fn read(&self) -> Result<String, MissingText> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Env(FromEnv { env, prefix }) => {
                match std::env::var_os(env).map(|value| value.into_string()) {
                    None => Err(MissingText::NotSet(env.clone())),
                    Some(Err(_)) => Err(MissingText::NotText(env.clone())),
                    Some(Ok(value)) if value.is_empty() => Err(MissingText::Empty(env.clone())),
                    Some(Ok(value)) => Ok(format!("{prefix}{value}")),
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    /// By hand: serde's untagged enums say only that nothing matched.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or `{ env = \"NAME\" }` for one in an environment variable")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text::Plain(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
                FromEnv::deserialize(MapAccessDeserializer::new(map)).map(Text::Env)
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}
