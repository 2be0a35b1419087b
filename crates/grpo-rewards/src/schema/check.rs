//! Checks a value against the nodes of a schema.

use std::collections::HashSet;
use std::fmt::{self, Display, Write};

use serde_json::Value;

use super::number::{compare, is_integer, is_multiple};
use super::{ArrayRules, Contains, Id, Node, NumberRules, ObjectRules, StringRules, Type};
use crate::text::quote;

/// How many schemas may be applied to parts of one value.
const MAX_STEPS: usize = 1_000_000;
/// How deep schemas may be applied within each other, so that the stack is safe.
const MAX_DEPTH: usize = 400;

/// Why a value does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A part of the value is not as the schema has it.
    Misfit {
        /// Where in the value, as a JSON pointer; empty for the value itself.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// The schema takes too many steps on this value: it branches too often or too deep.
    TooManySteps,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misfit { place, problem } if place.is_empty() => f.write_str(problem),
            Self::Misfit { place, problem } => write!(f, "at `{}`: {problem}", quote(place)),
            Self::TooManySteps => {
                write!(f, "checking takes more than {MAX_STEPS} steps; simplify the schema")
            }
        }
    }
}

impl std::error::Error for Fault {}

pub(super) fn check(nodes: &[Node], value: &Value) -> Result<(), Fault> {
    Checker { nodes, steps: 0, depth: 0, place: Vec::new(), silent: false }.check(0, value)
}

/// One step down a value.
enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

struct Checker<'s, 'v> {
    nodes: &'s [Node],
    steps: usize,
    depth: usize,
    place: Vec<Step<'v>>,
    /// Whether only the verdict counts, not the reason: within `anyOf` and the like.
    silent: bool,
}

impl<'s, 'v> Checker<'s, 'v> {
    fn check(&mut self, id: Id, value: &'v Value) -> Result<(), Fault> {
        if self.steps == MAX_STEPS || self.depth == MAX_DEPTH {
            return Err(Fault::TooManySteps);
        }
        self.steps += 1;
        self.depth += 1;
        let node = &self.nodes[id];
        let verdict = self.own(node, value).and_then(|()| self.combined(node, value));
        self.depth -= 1;
        verdict
    }

    fn misfit<T>(&self, problem: impl FnOnce() -> String) -> Result<T, Fault> {
        if self.silent {
            return Err(Fault::Misfit { place: String::new(), problem: String::new() });
        }
        let mut place = String::new();
        for step in &self.place {
            place.push('/');
            match step {
                Step::Key(key) => place.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => {
                    // Writing to a string cannot fail.
                    let _ = write!(place, "{index}");
                }
            }
        }
        Err(Fault::Misfit { place, problem: problem() })
    }

    fn demand(&self, holds: bool, problem: impl FnOnce() -> String) -> Result<(), Fault> {
        if holds { Ok(()) } else { self.misfit(problem) }
    }

    fn at(&mut self, step: Step<'v>, id: Id, value: &'v Value) -> Result<(), Fault> {
        self.place.push(step);
        let verdict = self.check(id, value);
        self.place.pop();
        verdict
    }

    /// Whether the value fits, whatever the reason.
    fn fits(&mut self, id: Id, value: &'v Value) -> Result<bool, Fault> {
        let outer = std::mem::replace(&mut self.silent, true);
        let verdict = self.check(id, value);
        self.silent = outer;
        match verdict {
            Ok(()) => Ok(true),
            Err(Fault::Misfit { .. }) => Ok(false),
            Err(Fault::TooManySteps) => Err(Fault::TooManySteps),
        }
    }

    fn own(&mut self, node: &'s Node, value: &'v Value) -> Result<(), Fault> {
        if node.never {
            return self.misfit(|| "is not allowed".into());
        }
        if let Some(types) = &node.types
            && !types.iter().any(|wanted| wanted.holds(value))
        {
            let wanted: Vec<&str> = types.iter().map(|wanted| wanted.name()).collect();
            return self.misfit(|| format!("{} is not {}", shown(value), wanted.join(" or ")));
        }
        if let Some(allowed) = &node.allowed
            && !allowed.iter().any(|other| equal(value, other))
        {
            let list = || allowed.iter().take(10).map(shown).collect::<Vec<_>>().join(", ");
            return self.misfit(|| match allowed.as_slice() {
                [one] => format!("{} is not {}", shown(value), shown(one)),
                _ => format!("{} is none of {}", shown(value), list()),
            });
        }
        match value {
            Value::Number(number) => self.number(&node.number, number),
            Value::String(text) => self.string(&node.string, text),
            Value::Array(items) => self.array(&node.array, items),
            Value::Object(map) => self.object(&node.object, map, value),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn number(&self, rules: &NumberRules, number: &serde_json::Number) -> Result<(), Fault> {
        let NumberRules { minimum, maximum, above, below, multiple_of } = rules;
        if let Some(min) = minimum {
            self.demand(compare(number, min).is_ge(), || format!("{number} is less than {min}"))?;
        }
        if let Some(max) = maximum {
            self.demand(compare(number, max).is_le(), || format!("{number} is more than {max}"))?;
        }
        if let Some(limit) = above {
            self.demand(compare(number, limit).is_gt(), || format!("{number} is not more than {limit}"))?;
        }
        if let Some(limit) = below {
            self.demand(compare(number, limit).is_lt(), || format!("{number} is not less than {limit}"))?;
        }
        if let Some(of) = multiple_of {
            self.demand(is_multiple(number, of), || format!("{number} is not a multiple of {of}"))?;
        }
        Ok(())
    }

    fn string(&self, rules: &StringRules, text: &str) -> Result<(), Fault> {
        if rules.min.is_some() || rules.max.is_some() {
            self.size(text.chars().count(), rules.min, rules.max, "characters")?;
        }
        if let Some(pattern) = &rules.pattern {
            let problem = || format!("\"{}\" does not match `{}`", quote(text), pattern.as_str());
            self.demand(pattern.is_match(text), problem)?;
        }
        Ok(())
    }

    fn size(&self, size: usize, min: Option<u64>, max: Option<u64>, what: &str) -> Result<(), Fault> {
        let size = size as u64;
        if let Some(min) = min {
            self.demand(size >= min, || format!("has {size} {what}, fewer than {min}"))?;
        }
        if let Some(max) = max {
            self.demand(size <= max, || format!("has {size} {what}, more than {max}"))?;
        }
        Ok(())
    }

    fn array(&mut self, rules: &'s ArrayRules, items: &'v [Value]) -> Result<(), Fault> {
        self.size(items.len(), rules.min, rules.max, "items")?;
        if rules.unique {
            let mut seen = HashSet::with_capacity(items.len());
            for item in items {
                self.demand(seen.insert(canonical(item)), || format!("{} appears twice", shown(item)))?;
            }
        }
        for (index, item) in items.iter().enumerate() {
            if let Some(id) = rules.first.get(index).copied().or(rules.others) {
                self.at(Step::Index(index), id, item)?;
            }
        }
        if let Some(Contains { schema, min, max }) = rules.contains {
            let mut count = 0_u64;
            for item in items {
                count += u64::from(self.fits(schema, item)?);
            }
            self.demand(count >= min, || format!("has {count} items of the wanted kind, fewer than {min}"))?;
            if let Some(max) = max {
                self.demand(count <= max, || {
                    format!("has {count} items of the wanted kind, more than {max}")
                })?;
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        rules: &'s ObjectRules,
        map: &'v serde_json::Map<String, Value>,
        value: &'v Value,
    ) -> Result<(), Fault> {
        self.size(map.len(), rules.min, rules.max, "properties")?;
        for name in &rules.required {
            self.demand(map.contains_key(name), || format!("`{}` is missing", quote(name)))?;
        }
        for (name, needed) in &rules.dependent_required {
            let missing =
                needed.iter().find(|other| !map.contains_key(*other)).filter(|_| map.contains_key(name));
            if let Some(missing) = missing {
                return self.misfit(|| format!("`{}` is missing beside `{}`", quote(missing), quote(name)));
            }
        }
        for (name, value) in map {
            self.property(rules, name, value)?;
        }
        for (name, id) in &rules.dependent_schemas {
            if map.contains_key(name) {
                self.check(*id, value)?;
            }
        }
        Ok(())
    }

    fn property(&mut self, rules: &'s ObjectRules, name: &'v str, value: &'v Value) -> Result<(), Fault> {
        if let Some(id) = rules.names {
            let text = Value::String(name.to_owned());
            let Self { nodes, steps, depth, .. } = *self;
            let mut checker = Checker { nodes, steps, depth, place: Vec::new(), silent: true };
            let verdict = checker.check(id, &text);
            self.steps = checker.steps;
            match verdict {
                Ok(()) => {}
                Err(Fault::Misfit { .. }) => {
                    return self.misfit(|| format!("`{}` cannot be the name of a property", quote(name)));
                }
                Err(Fault::TooManySteps) => return Err(Fault::TooManySteps),
            }
        }
        let mut named = false;
        if let Some(id) = rules.properties.get(name) {
            named = true;
            self.at(Step::Key(name), *id, value)?;
        }
        for (pattern, id) in &rules.patterns {
            if pattern.is_match(name) {
                named = true;
                self.at(Step::Key(name), *id, value)?;
            }
        }
        match rules.others {
            Some(id) if !named => self.at(Step::Key(name), id, value),
            _ => Ok(()),
        }
    }

    fn combined(&mut self, node: &'s Node, value: &'v Value) -> Result<(), Fault> {
        for id in &node.all_of {
            self.check(*id, value)?;
        }
        if let Some(ids) = &node.any_of {
            self.any_of(ids, value)?;
        }
        if let Some(ids) = &node.one_of {
            let mut fitting = 0;
            for id in ids {
                fitting += usize::from(self.fits(*id, value)?);
            }
            if fitting == 0 {
                self.none_of(ids, value)?;
            }
            self.demand(fitting == 1, || format!("fits {fitting} alternatives instead of one"))?;
        }
        if let Some(id) = node.not {
            let fits = self.fits(id, value)?;
            self.demand(!fits, || format!("{} is what it must not be", shown(value)))?;
        }
        if let Some(condition) = node.condition {
            let branch = if self.fits(condition.when, value)? { condition.then } else { condition.otherwise };
            if let Some(id) = branch {
                self.check(id, value)?;
            }
        }
        Ok(())
    }

    fn any_of(&mut self, ids: &'s [Id], value: &'v Value) -> Result<(), Fault> {
        for id in ids {
            if self.fits(*id, value)? {
                return Ok(());
            }
        }
        self.none_of(ids, value)
    }

    /// The fault where no alternative fits: the only one's, or that there is none.
    fn none_of(&mut self, ids: &'s [Id], value: &'v Value) -> Result<(), Fault> {
        // What suits the value's type is what was meant, if there is one such alternative.
        let nodes = self.nodes;
        let suits =
            |id: &&Id| nodes[**id].types.as_ref().is_none_or(|types| types.iter().any(|t| t.holds(value)));
        let mut suitable = ids.iter().filter(suits);
        match (self.silent, suitable.next(), suitable.next()) {
            (false, Some(only), None) => self.check(*only, value),
            _ => self.misfit(|| format!("{} fits none of {} alternatives", shown(value), ids.len())),
        }
    }
}

impl Type {
    fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Integer, Value::Number(number)) => is_integer(number),
            (Self::Null, Value::Null)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Number, Value::Number(_))
            | (Self::String, Value::String(_))
            | (Self::Array, Value::Array(_))
            | (Self::Object, Value::Object(_)) => true,
            _ => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::String => "a text",
            Self::Array => "a list",
            Self::Object => "an object",
        }
    }
}

/// A value as a reason shows it; of a list or an object only what it is.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) => format!("\"{}\"", quote(text)),
        other => other.to_string(),
    }
}

/// Equality of the draft: numbers by value, objects without order.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b).is_eq(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A text that two values share if they are equal.
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => match number.as_f64() {
            // 1.0 equals 1; floats beyond 2^53 are whole, and are written in full.
            Some(float) if number.is_f64() && float.fract() == 0.0 => {
                format!("{float:.0}").replace("-0", "0")
            }
            _ => number.to_string(),
        },
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::Object(map) => {
            let mut parts: Vec<String> =
                map.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value))).collect();
            parts.sort_unstable();
            format!("{{{}}}", parts.join(","))
        }
        other => other.to_string(),
    }
}
