//! Which keywords there are: those that are read, those that say nothing of values, those that are refused.

use std::borrow::Cow;

use serde_json::Value;

/// Keywords that are asserted.
const ASSERTIONS: &[&str] = &[
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "prefixItems",
    "items",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "required",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
];

/// Keywords that say something about a schema, not about values.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];

/// Keywords that mean something which is not done here, with what to use instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("unevaluatedProperties", "use `additionalProperties` beside the `properties`"),
    ("unevaluatedItems", "use `items` beside the `prefixItems`"),
    ("$dynamicRef", "use `$ref`"),
    ("$dynamicAnchor", "use `$anchor` and `$ref`"),
    ("$recursiveRef", "use `$ref`"),
    ("$recursiveAnchor", "use `$ref`"),
    ("$vocabulary", "leave it out"),
    ("additionalItems", "use `prefixItems` for the first items and `items` for the others"),
    ("dependencies", "use `dependentRequired` or `dependentSchemas`"),
];

/// The drafts whose keywords mean what they mean here.
const DRAFTS: &[&str] =
    &["draft/2020-12/schema", "draft/2019-09/schema", "draft-07/schema", "draft-06/schema"];

/// Why a keyword cannot be used, and what to do about it.
pub(super) fn refusal(key: &str, value: &Value, at_top: bool) -> Option<(Cow<'static, str>, &'static str)> {
    if let Some((_, fix)) = UNSUPPORTED.iter().find(|(name, _)| *name == key) {
        return Some(("is not supported".into(), fix));
    }
    if key == "$id" && !at_top {
        return Some(("is not supported below the top".into(), "leave it out, and refer by `#/...`"));
    }
    if key == "$schema" && !value.as_str().is_some_and(is_known_draft) {
        let fix = "use draft 2020-12, or one down to draft-06 whose keywords mean the same";
        return Some((format!("names `{value}`, a draft that is not supported").into(), fix));
    }
    let known = ASSERTIONS.contains(&key) || ANNOTATIONS.contains(&key) || key.starts_with("x-");
    (!known).then_some(("is no keyword of JSON Schema".into(), "correct it, or begin it with `x-`"))
}

fn is_known_draft(name: &str) -> bool {
    let name = name.trim_end_matches('#').split_once("://json-schema.org/");
    name.is_some_and(|(_, name)| DRAFTS.contains(&name))
}
