//! Operators on containers.

use std::collections::HashMap;

use crate::assessment::qti::value::{Cardinality, Key, Single, Value};

/// All values of all operands in one container; NULLs are left out.
pub(super) fn gather(values: Vec<Option<Value>>, cardinality: Cardinality) -> Option<Value> {
    let mut gathered = Vec::new();
    for value in values.into_iter().flatten() {
        match value {
            Value::Single(single) => gathered.push(single),
            Value::Multiple(values) | Value::Ordered(values) => gathered.extend(values),
            Value::Record(_) => {}
        }
    }
    Value::container(gathered, cardinality)
}

pub(super) fn member(single: &Value, container: &Value) -> bool {
    let Value::Single(single) = single else { return false };
    let key = single.key();
    container.values().iter().any(|value| value.key() == key)
}

/// Whether all values of one are in the other as often; in an ordered container also one after the other.
pub(super) fn contains(outer: &Value, inner: &Value) -> bool {
    let keys = |value: &Value| value.values().iter().map(Single::key).collect::<Vec<_>>();
    let (whole, part) = (keys(outer), keys(inner));
    match outer {
        Value::Ordered(_) => is_run(&whole, &part),
        _ => {
            let mut left: HashMap<&Key, usize> = HashMap::new();
            for key in &whole {
                *left.entry(key).or_default() += 1;
            }
            part.iter().all(|key| match left.get_mut(key) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    true
                }
                _ => false,
            })
        }
    }
}

/// Whether `part` stands in `whole` without gaps, in linear time (Knuth, Morris and Pratt).
fn is_run(whole: &[Key], part: &[Key]) -> bool {
    // For each place the length of the longest beginning of `part` that ends there.
    let mut borders = vec![0; part.len()];
    let mut length = 0;
    for at in 1..part.len() {
        while length > 0 && part[at] != part[length] {
            length = borders[length - 1];
        }
        length += usize::from(part[at] == part[length]);
        borders[at] = length;
    }
    let mut matched = 0;
    for key in whole {
        while matched > 0 && (matched == part.len() || *key != part[matched]) {
            matched = borders[matched - 1];
        }
        matched += usize::from(part.get(matched) == Some(key));
        if matched == part.len() {
            return true;
        }
    }
    part.is_empty()
}

/// The container without all that equals a value.
pub(super) fn delete(single: &Value, container: Value) -> Option<Value> {
    let Value::Single(single) = single else { return Some(container) };
    let key = single.key();
    let (mut values, cardinality) = match container {
        Value::Multiple(values) => (values, Cardinality::Multiple),
        Value::Ordered(values) => (values, Cardinality::Ordered),
        other => return Some(other),
    };
    values.retain(|value| value.key() != key);
    Value::container(values, cardinality)
}

#[cfg(test)]
mod tests {
    use super::is_run;
    use crate::assessment::qti::value::Key;

    #[test]
    fn runs_are_found_without_gaps() {
        let keys = |text: &str| text.chars().map(|letter| Key::Text(letter.into())).collect::<Vec<_>>();
        for (whole, part, found) in [
            ("abcd", "bc", true),
            ("abcd", "bd", false),
            ("aabaaab", "aaab", true),
            ("ababac", "abac", true),
            ("ab", "abc", false),
            ("abab", "aa", false),
        ] {
            assert_eq!(is_run(&keys(whole), &keys(part)), found, "{whole} {part}");
        }
    }
}
