//! The rules of xAPI for a statement, checked on JSON, so that they hold for anybody's statements.

mod part;

use std::collections::HashSet;

use serde_json::Value;

use super::XapiError;
use super::statement::VOIDED;
use part::*;
pub(super) use part::{is_language, is_mailbox, short, shown};

/// Checks a statement by xAPI 1.0.3 (Data, parts 2 and 4) and 2.0: no property that isn't in the specification, no `null` and no
/// empty object outside `extensions`, every value of its type and format, scores within their bounds.
///
/// # Errors
///
/// [`XapiError::Invalid`] names the first path that breaks a rule.
///
/// ```
/// use grpo_edu::assessment::xapi::validate;
///
/// let statement = serde_json::json!({
///     "actor": {"mbox": "mailto:ada@example.org"},
///     "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
///     "object": {"id": "https://example.org/q1"},
///     "result": {"score": {"scaled": 1.5}},
/// });
/// let error = validate(&statement).unwrap_err();
/// assert!(error.to_string().contains("`result.score.scaled` is 1.5; it must be from -1 to 1"));
/// ```
pub fn validate(statement: &Value) -> Result<(), XapiError> {
    let root = Part { value: statement, path: Path::Root };
    check_statement(root, false)
}

fn check_statement(part: Part<'_>, is_sub: bool) -> Check {
    let keys: &[&str] = if is_sub {
        &["objectType", "actor", "verb", "object", "result", "context", "timestamp", "attachments"]
    } else {
        &[
            "id",
            "actor",
            "verb",
            "object",
            "result",
            "context",
            "timestamp",
            "stored",
            "authority",
            "version",
            "attachments",
        ]
    };
    part.object(keys)?;
    part.optional("id", uuid)?;
    part.required("actor", actor)?;
    part.required("verb", verb)?;
    part.required("object", |object| check_object(object, is_sub))?;
    part.optional("result", result)?;
    let kind = part.value.pointer("/object/objectType").and_then(Value::as_str);
    part.optional("context", |context| check_context(context, matches!(kind, None | Some("Activity"))))?;
    part.optional("timestamp", timestamp)?;
    part.optional("stored", timestamp)?;
    part.optional("authority", actor)?;
    part.optional("version", |version| {
        let is_known = |text: &str| text == "1.0" || text.starts_with("1.0.") || text.starts_with("2.0.");
        version.texts_like(is_known, "1.0.0 or 2.0.0")
    })?;
    part.optional("attachments", |attachments| attachments.each(attachment))?;
    let is_void = part.value.pointer("/verb/id").and_then(Value::as_str) == Some(VOIDED);
    if is_void && kind != Some("StatementRef") {
        return part.refuse("voids something that is no StatementRef; its object must name a statement");
    }
    Ok(())
}

/// An agent or a group.
fn actor(part: Part<'_>) -> Check {
    match part.value.get("objectType").and_then(Value::as_str) {
        Some("Group") => group(part),
        _ => agent(part),
    }
}

const IDENTIFIERS: [&str; 4] = ["mbox", "mbox_sha1sum", "openid", "account"];

fn agent(part: Part<'_>) -> Check {
    part.object(&["objectType", "name", "mbox", "mbox_sha1sum", "openid", "account"])?;
    part.optional("objectType", |kind| one_of(kind, &["Agent"]))?;
    match identifiers(part)? {
        1 => Ok(()),
        found => {
            part.refuse(format_args!("has {found} of {}; an agent has exactly one", IDENTIFIERS.join(", ")))
        }
    }
}

fn group(part: Part<'_>) -> Check {
    part.object(&["objectType", "name", "member", "mbox", "mbox_sha1sum", "openid", "account"])?;
    let has_members = part.optional("member", |members| members.each(agent))?;
    match identifiers(part)? {
        1 => Ok(()),
        0 if has_members => Ok(()),
        0 => part.refuse(format_args!("has neither `member` nor one of {}", IDENTIFIERS.join(", "))),
        found => {
            part.refuse(format_args!("has {found} of {}; a group has at most one", IDENTIFIERS.join(", ")))
        }
    }
}

/// How many inverse functional identifiers an agent or group has, each checked; and its name.
fn identifiers(part: Part<'_>) -> Result<usize, XapiError> {
    part.optional("name", any_text)?;
    let found = [
        part.optional("mbox", |mbox| mbox.texts_like(is_mailbox, "like mailto:ada@example.org"))?,
        part.optional("mbox_sha1sum", |sum| {
            let is_sum = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            sum.texts_like(is_sum, "40 hexadecimal digits")
        })?,
        part.optional("openid", iri)?,
        part.optional("account", |account| {
            account.object(&["homePage", "name"])?;
            account.required("homePage", iri)?;
            account.required("name", any_text)
        })?,
    ];
    Ok(found.iter().filter(|found| **found).count())
}

fn verb(part: Part<'_>) -> Check {
    part.object(&["id", "display"])?;
    part.required("id", iri)?;
    part.optional("display", language_map)?;
    Ok(())
}

fn check_object(part: Part<'_>, is_sub: bool) -> Check {
    if !part.value.is_object() {
        return part.need("an object");
    }
    match part.value.get("objectType") {
        None => activity(part),
        Some(Value::String(kind)) => match kind.as_str() {
            "Activity" => activity(part),
            "Agent" => agent(part),
            "Group" => group(part),
            "StatementRef" => statement_ref(part),
            "SubStatement" if !is_sub => check_statement(part, true),
            "SubStatement" => part.refuse("is a SubStatement within a SubStatement"),
            _ => part.refuse(format_args!(
                "has the objectType {:?}; it must be Activity, Agent, Group, StatementRef or SubStatement",
                short(kind)
            )),
        },
        Some(value) => Part { value, path: Path::Key(&part.path, "objectType") }.need("a text"),
    }
}

fn statement_ref(part: Part<'_>) -> Check {
    part.object(&["objectType", "id"])?;
    part.required("objectType", |kind| one_of(kind, &["StatementRef"]))?;
    part.required("id", uuid)
}

fn activity(part: Part<'_>) -> Check {
    part.object(&["objectType", "id", "definition"])?;
    part.optional("objectType", |kind| one_of(kind, &["Activity"]))?;
    part.required("id", iri)?;
    part.optional("definition", definition)?;
    Ok(())
}

/// Lists of components, and the interactions that have them (1.0.3, Data, appendix C).
const LISTS: [(&str, &[&str]); 5] = [
    ("choices", &["choice", "sequencing"]),
    ("scale", &["likert"]),
    ("source", &["matching"]),
    ("target", &["matching"]),
    ("steps", &["performance"]),
];

const INTERACTIONS: [&str; 10] = [
    "true-false",
    "choice",
    "fill-in",
    "long-fill-in",
    "matching",
    "performance",
    "sequencing",
    "likert",
    "numeric",
    "other",
];

fn definition(part: Part<'_>) -> Check {
    part.object(&[
        "name",
        "description",
        "type",
        "moreInfo",
        "extensions",
        "interactionType",
        "correctResponsesPattern",
        "choices",
        "scale",
        "source",
        "target",
        "steps",
    ])?;
    part.optional("name", language_map)?;
    part.optional("description", language_map)?;
    part.optional("type", iri)?;
    part.optional("moreInfo", iri)?;
    part.optional("extensions", extensions)?;
    let typed = part.optional("interactionType", |kind| one_of(kind, &INTERACTIONS))?;
    let kind = part.value.get("interactionType").and_then(Value::as_str).unwrap_or_default();
    let patterned = part.optional("correctResponsesPattern", |patterns| patterns.each(any_text))?;
    if patterned && !typed {
        return part.refuse("has a `correctResponsesPattern` and no `interactionType`");
    }
    for (list, kinds) in LISTS {
        if part.optional(list, components)? && !kinds.contains(&kind) {
            return part.refuse(format_args!("has `{list}`, which only {} has", kinds.join(" or ")));
        }
    }
    Ok(())
}

fn components(part: Part<'_>) -> Check {
    let mut seen = HashSet::new();
    if let Value::Array(all) = part.value {
        for (place, id) in
            all.iter().enumerate().filter_map(|(place, one)| Some((place, one.get("id")?.as_str()?)))
        {
            if !seen.insert(id) {
                return part.refuse(format_args!("has {:?} a second time, at {place}", short(id)));
            }
        }
    }
    part.each(|component| {
        component.object(&["id", "description"])?;
        component.required("id", |id| {
            id.texts_like(|text| !text.contains(char::is_whitespace), "an identifier without blanks")
        })?;
        component.optional("description", language_map)?;
        Ok(())
    })
}

fn result(part: Part<'_>) -> Check {
    part.object(&["score", "success", "completion", "response", "duration", "extensions"])?;
    part.optional("score", score)?;
    part.optional("success", flag)?;
    part.optional("completion", flag)?;
    part.optional("response", any_text)?;
    part.optional("duration", duration)?;
    part.optional("extensions", extensions)?;
    Ok(())
}

fn score(part: Part<'_>) -> Check {
    part.object(&["scaled", "raw", "min", "max"])?;
    let number = |key: &'static str| -> Result<Option<f64>, XapiError> {
        let is_number = |part: Part<'_>| if part.value.is_number() { Ok(()) } else { part.need("a number") };
        part.optional(key, is_number)?;
        Ok(part.value.get(key).and_then(Value::as_f64))
    };
    let at = |key: &'static str| Part { value: &part.value[key], path: Path::Key(&part.path, key) };
    let (scaled, raw, min, max) = (number("scaled")?, number("raw")?, number("min")?, number("max")?);
    if scaled.is_some_and(|scaled| !(-1.0..=1.0).contains(&scaled)) {
        return at("scaled").need("from -1 to 1");
    }
    if let (Some(min), Some(max)) = (min, max)
        && min >= max
    {
        return at("min").need(&format!("below `max`, {max}"));
    }
    if let (Some(raw), Some(min)) = (raw, min)
        && raw < min
    {
        return at("raw").need(&format!("at least `min`, {min}"));
    }
    if let (Some(raw), Some(max)) = (raw, max)
        && raw > max
    {
        return at("raw").need(&format!("at most `max`, {max}"));
    }
    Ok(())
}

fn check_context(part: Part<'_>, is_activity: bool) -> Check {
    part.object(&[
        "registration",
        "instructor",
        "team",
        "contextActivities",
        "revision",
        "platform",
        "language",
        "statement",
        "extensions",
        "contextAgents",
        "contextGroups",
    ])?;
    part.optional("registration", uuid)?;
    part.optional("instructor", actor)?;
    part.optional("team", |team| {
        team.required("objectType", |kind| one_of(kind, &["Group"]))?;
        group(team)
    })?;
    part.optional("contextActivities", |all| {
        let keys = ["parent", "grouping", "category", "other"];
        all.object(&keys)?;
        let either =
            |part: Part<'_>| if part.value.is_array() { part.each(activity) } else { activity(part) };
        keys.iter().try_for_each(|key| all.optional(key, either).map(|_| ()))
    })?;
    for key in ["revision", "platform"] {
        if part.optional(key, any_text)? && !is_activity {
            return part.refuse(format_args!("has `{key}`, which only belongs to an activity"));
        }
    }
    part.optional("language", language)?;
    part.optional("statement", statement_ref)?;
    part.optional("extensions", extensions)?;
    // xAPI 2.0, 4.2.7.
    part.optional("contextAgents", |all| all.each(|one| related(one, "contextAgent", "agent")))?;
    part.optional("contextGroups", |all| all.each(|one| related(one, "contextGroup", "group")))?;
    Ok(())
}

fn related(part: Part<'_>, kind: &str, key: &str) -> Check {
    part.object(&["objectType", key, "relevantTypes"])?;
    part.required("objectType", |found| one_of(found, &[kind]))?;
    part.required(key, |one| if key == "group" { group(one) } else { agent(one) })?;
    part.optional("relevantTypes", |types| types.each(iri))?;
    Ok(())
}

fn attachment(part: Part<'_>) -> Check {
    part.object(&["usageType", "display", "description", "contentType", "length", "sha2", "fileUrl"])?;
    part.required("usageType", iri)?;
    part.required("display", language_map)?;
    part.optional("description", language_map)?;
    part.required("contentType", any_text)?;
    part.required(
        "length",
        |length| if length.value.is_u64() { Ok(()) } else { length.need("a number of bytes") },
    )?;
    part.required("sha2", any_text)?;
    part.optional("fileUrl", iri)?;
    Ok(())
}
