//! `--set key=value`.

/// Sets a dotted key. Tables on the way are made; a value that isn't TOML is taken as text.
pub(super) fn set(table: &mut toml::Table, key: &str, value: &str) -> Result<(), String> {
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
