//! JSON Schema: whether a JSON value has the wanted form.
//!
//! The assertions of draft 2020-12 on values, compiled once: `type`, `enum`, `const`, those on numbers, strings,
//! arrays and objects, `allOf`, `anyOf`, `oneOf`, `not`, `if`/`then`/`else`, and `$ref` within the schema. Since a
//! wrong reward trains a wrong policy, a schema is refused where others skip what they do not know: a
//! misspelt keyword, a reference to another document (nothing is ever fetched), a keyword that has another
//! meaning in older drafts, and `unevaluatedProperties`, `unevaluatedItems` and `$dynamicRef`, which are not
//! supported. `format` and the annotations (`title`, `description`, `default`...) are accepted and assert
//! nothing, as the draft has it. Patterns are those of the `regex` crate, in linear time.
//!
//! Our own rather than a library's: those that there are have no limit on the steps of a check, which a few
//! lines of schema can make exponential in the depth of the value, and bring dozens of crates. The tests compare
//! with Python's `jsonschema`, and with the official test suite where it is at hand.
//!
//! ```
//! use grpo_rewards::schema::Schema;
//! let schema = serde_json::json!({
//!     "type": "object",
//!     "properties": { "age": { "type": "integer", "minimum": 0 } },
//!     "required": ["age"],
//! });
//! let schema = Schema::new(&schema)?;
//! assert!(schema.check(&serde_json::json!({ "age": 7 })).is_ok());
//! let fault = schema.check(&serde_json::json!({ "age": -7 })).unwrap_err();
//! assert_eq!(fault.to_string(), "at `/age`: -7 is less than 0");
//! # Ok::<(), grpo_rewards::schema::SchemaError>(())
//! ```

mod check;
mod keyword;
mod number;
mod read;

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

pub use check::Fault;

/// A schema that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in the schema at `{place}`: {problem}; {fix}")]
pub struct SchemaError {
    /// Where in the schema, as a JSON pointer from `#`.
    pub place: String,
    /// What is wrong there.
    pub problem: Cow<'static, str>,
    /// What to do about it.
    pub fix: Cow<'static, str>,
}

/// A JSON schema, compiled.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The schemas of which it is made; the first is the whole.
    nodes: Vec<Node>,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// [`SchemaError`] with the place, for everything that is not a schema or not supported.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        read::read(schema).map(|nodes| Self { nodes })
    }

    /// Checks a value, in time linear in it for ordinary schemas and bounded for all.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub fn check(&self, value: &Value) -> Result<(), Fault> {
        check::check(&self.nodes, value)
    }
}

/// The index of a schema among the nodes.
type Id = usize;

/// One schema: everything that it asserts of a value.
#[derive(Clone, Debug, Default)]
struct Node {
    /// The schema `false`.
    never: bool,
    types: Option<Vec<Type>>,
    allowed: Option<Vec<Value>>,
    number: NumberRules,
    string: StringRules,
    array: ArrayRules,
    object: ObjectRules,
    all_of: Vec<Id>,
    any_of: Option<Vec<Id>>,
    one_of: Option<Vec<Id>>,
    not: Option<Id>,
    condition: Option<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

#[derive(Clone, Debug, Default)]
struct NumberRules {
    minimum: Option<serde_json::Number>,
    maximum: Option<serde_json::Number>,
    above: Option<serde_json::Number>,
    below: Option<serde_json::Number>,
    multiple_of: Option<serde_json::Number>,
}

#[derive(Clone, Debug, Default)]
struct StringRules {
    min: Option<u64>,
    max: Option<u64>,
    pattern: Option<Regex>,
}

#[derive(Clone, Debug, Default)]
struct ArrayRules {
    min: Option<u64>,
    max: Option<u64>,
    unique: bool,
    /// The schemas of the first items.
    first: Vec<Id>,
    /// The schema of the others.
    others: Option<Id>,
    contains: Option<Contains>,
}

#[derive(Clone, Debug)]
struct Contains {
    schema: Id,
    min: u64,
    max: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct ObjectRules {
    min: Option<u64>,
    max: Option<u64>,
    required: Vec<String>,
    properties: BTreeMap<String, Id>,
    patterns: Vec<(Regex, Id)>,
    /// The schema of properties that neither of these names.
    others: Option<Id>,
    names: Option<Id>,
    dependent_required: Vec<(String, Vec<String>)>,
    dependent_schemas: Vec<(String, Id)>,
}

#[derive(Clone, Copy, Debug)]
struct Condition {
    when: Id,
    then: Option<Id>,
    otherwise: Option<Id>,
}
