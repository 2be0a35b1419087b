//! From text to recipes and back.

use crate::Error;
use serde::{Serialize, de::DeserializeOwned};

/// A recipe from its text, unchecked.
pub(crate) fn parse<R: DeserializeOwned>(text: &str) -> Result<R, Error> {
    toml::from_str(text).map_err(|e| Error::Recipe { path: None, message: e.to_string() })
}

/// A recipe written out in full.
pub(crate) fn written<R: Serialize>(recipe: &R) -> Result<String, Error> {
    toml::to_string_pretty(recipe).map_err(|e| Error::Recipe { path: None, message: e.to_string() })
}

/// The text of a recipe after changes: `key=value` pairs with dotted keys.
pub(crate) fn changes_applied(text: &str, changes: &[String]) -> Result<String, Error> {
    let refuse = |message: String| Error::Recipe { path: None, message };
    if changes.is_empty() {
        return Ok(text.into());
    }
    // A syntax error is better told about the text as it stands.
    let mut table: toml::Table = toml::from_str(text).map_err(|e| refuse(e.to_string()))?;
    for change in changes {
        let (key, value) = change.split_once('=').ok_or_else(|| {
            refuse(format!("--set {change}: write it as key=value, for instance grpo.steps=10"))
        })?;
        set(&mut table, key.trim(), value.trim())
            .map_err(|problem| refuse(format!("--set {change}: {problem}")))?;
    }
    toml::to_string(&table).map_err(|e| refuse(e.to_string()))
}

/// Sets a dotted key. Tables on the way are made; a value that isn't TOML is taken as text.
fn set(table: &mut toml::Table, key: &str, value: &str) -> Result<(), String> {
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().filter(|k| !k.is_empty()).ok_or("the key is empty")?;
    let mut place = table;
    for part in parts {
        let entry = place.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        place = entry.as_table_mut().ok_or_else(|| format!("`{part}` is not a table"))?;
    }
    let parsed = toml::from_str::<toml::Table>(&format!("x = {value}")).ok().and_then(|mut t| t.remove("x"));
    place.insert(last.to_string(), parsed.unwrap_or_else(|| toml::Value::String(value.into())));
    Ok(())
}
