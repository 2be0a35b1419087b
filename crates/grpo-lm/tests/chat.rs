//! Chat templates against `chat/expected.json`, which `oracle/chat_templates.py` wrote with Python's transformers.

use grpo_lm::{ChatTemplate, Message};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Expected {
    templates: BTreeMap<String, Source>,
    conversations: BTreeMap<String, Vec<Message>>,
    cases: Vec<Case>,
    dates: Vec<Day>,
}

#[derive(Deserialize)]
struct Source {
    special_tokens: Value,
}

#[derive(Deserialize)]
struct Case {
    template: String,
    conversation: String,
    add_generation_prompt: bool,
    variables: BTreeMap<String, Value>,
    date: Option<(u16, u8, u8)>,
    text: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Day {
    date: (u16, u8, u8),
    format: String,
    text: String,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("chat/expected.json")).unwrap()
}

fn template_text(name: &str) -> &'static str {
    match name {
        "smollm2" => include_str!("chat/smollm2.jinja"),
        "qwen2.5" => include_str!("chat/qwen2.5.jinja"),
        "qwen3" => include_str!("chat/qwen3.jinja"),
        "llama3.1" => include_str!("chat/llama3.1.jinja"),
        "llama3.2" => include_str!("chat/llama3.2.jinja"),
        "gemma3" => include_str!("chat/gemma3.jinja"),
        "features" => include_str!("chat/features.jinja"),
        other => panic!("no template {other}"),
    }
}

fn template(text: &str) -> ChatTemplate {
    ChatTemplate::from_files(Some(text), &Value::Null).unwrap().unwrap()
}

/// What a template says against a conversation of one user message.
fn error_of(text: &str) -> String {
    match ChatTemplate::from_files(Some(text), &Value::Null) {
        Err(error) => error.to_string(),
        Ok(template) => template.unwrap().render(&[Message::user("hi")], true).unwrap_err().to_string(),
    }
}

#[test]
fn renders_what_transformers_renders() {
    let expected = expected();
    let mut seen = 0;
    for case in &expected.cases {
        let special = &expected.templates[&case.template].special_tokens;
        let text = template_text(&case.template);
        let mut template = ChatTemplate::from_files(Some(text), special).unwrap().unwrap();
        for (name, value) in &case.variables {
            template = template.with_variable(name, value);
        }
        if let Some((year, month, day)) = case.date {
            template = template.with_date(year, month, day).unwrap();
        }
        let found = template.render(&expected.conversations[&case.conversation], case.add_generation_prompt);
        let what = format!("{}, {:?}, {}", case.template, case.conversation, case.add_generation_prompt);
        match (&case.text, &case.message) {
            (Some(text), None) => assert_eq!(&found.unwrap(), text, "{what}"),
            (None, Some(message)) => {
                let reason = format!("the template refuses this conversation: {message}");
                assert_eq!(found.unwrap_err().reason, reason, "{what}");
            }
            _ => panic!("{what}: neither a text nor an error"),
        }
        seen += 1;
    }
    assert!(seen > 150, "{seen} cases");
}

#[test]
fn dates_are_written_as_python_writes_them() {
    for Day { date: (year, month, day), format, text } in expected().dates {
        let template = template(&format!("{{{{ strftime_now({}) }}}}", json!(format)));
        let dated = template.with_date(year, month, day).unwrap();
        assert_eq!(dated.render(&[Message::user("")], false).unwrap(), text, "{format}");
    }
}

#[test]
fn a_day_that_is_none_is_refused() {
    for (year, month, day) in
        [(2023, 2, 29), (1900, 2, 29), (1800, 2, 29), (2024, 0, 1), (2024, 13, 1), (2024, 4, 31), (0, 1, 1)]
    {
        let error = template("").with_date(year, month, day).unwrap_err().to_string();
        assert!(error.contains(&format!("{year}-{month}-{day} is not a date")), "{error}");
    }
    let error = template("a\n{{ strftime_now('%Q') }}").with_date(2024, 2, 29).unwrap();
    let error = error.render(&[Message::user("")], false).unwrap_err();
    assert_eq!(error.line, Some(2));
    assert!(error.reason.contains("\"%Q\" has a code that isn't known here"), "{error}");
}

#[test]
fn the_file_of_its_own_comes_before_the_configuration() {
    let hi = [Message::user("hi")];
    let render = |jinja: Option<&str>, config: &Value| {
        ChatTemplate::from_files(jinja, config).unwrap().map(|t| t.render(&hi, false).unwrap())
    };
    let config = json!({ "chat_template": "config", "bos_token": "<s>", "eos_token": { "content": "</s>" } });
    assert_eq!(render(None, &config).unwrap(), "config");
    assert_eq!(render(Some("{{ bos_token }}{{ eos_token }}"), &config).unwrap(), "<s></s>");
    let named = json!({ "chat_template": [
        { "name": "tool_use", "template": "tools" }, { "name": "default", "template": "default" },
    ] });
    assert_eq!(render(None, &named).unwrap(), "default");
    for none in [json!({}), json!({ "chat_template": null }), Value::Null] {
        assert!(ChatTemplate::from_files(None, &none).unwrap().is_none());
    }
}

#[test]
fn line_ends_of_another_system_change_nothing() {
    let text = template_text("gemma3");
    let talk = [Message::system("a"), Message::user("b\r\nc"), Message::assistant("d")];
    let found = template(text).render(&talk, true).unwrap();
    assert!(found.contains("b\r\nc"));
    for end in ["\r\n", "\r"] {
        assert_eq!(template(&text.replace('\n', end)).render(&talk, true).unwrap(), found);
    }
}

#[test]
fn a_configuration_that_is_wrong_is_refused_by_name() {
    let cases = [
        (json!({ "chat_template": 3 }), "neither a string nor a list"),
        (json!({ "chat_template": { "default": "x" } }), "neither a string nor a list"),
        (json!({ "chat_template": [{ "name": "rag", "template": "x" }] }), "none is named \"default\""),
        (json!({ "chat_template": [{ "name": "default" }] }), "has no string `template`"),
        (json!({ "chat_template": "x", "eos_token": 2 }), "eos_token is neither a string nor an object"),
    ];
    for (config, reason) in cases {
        let error = ChatTemplate::from_files(None, &config).unwrap_err().to_string();
        assert!(error.contains("tokenizer_config.json: "), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_broken_template_is_refused_with_its_line() {
    let error = error_of("{% for m in messages %}\n{{ m.content }}\n{% endif %}");
    assert!(error.starts_with("chat_template.jinja, line 3: syntax error: "), "{error}");
    let config = json!({ "chat_template": "{{ a }}\n{{ b" });
    let error = ChatTemplate::from_files(None, &config).unwrap_err();
    assert_eq!((error.place, error.line), ("chat_template of tokenizer_config.json", Some(2)));
}

#[test]
fn what_is_not_known_here_is_an_error_with_its_line() {
    let cases = [
        ("\n{{ messages[0].content.shout() }}", 2, "string has no method named shout here"),
        ("\n\n{{ messages[0].tool.name }}", 3, "undefined"),
        ("{{ 'a' + nothing }}", 1, ""),
        ("{{ 'a' + 1 }}", 1, ""),
        ("{{ shout('a') }}", 1, "shout"),
        ("{{ nothing | tojson }}", 1, "tojson: the value is undefined"),
        ("{{ 1 | tojson(colour=1) }}", 1, "colour"),
        ("{{ 1 | tojson(separators=['a']) }}", 1, "tojson: separators must be two strings"),
        ("{{ strftime_now('%d') }}", 1, "strftime_now"),
        ("{% include 'other' %}", 1, "include"),
    ];
    for (text, line, reason) in cases {
        let error = error_of(text);
        assert!(error.starts_with(&format!("chat_template.jinja, line {line}: ")), "{text}: {error}");
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn the_template_refuses_in_its_own_words() {
    let error = error_of("{% macro no() %}\n{{ raise_exception('No ' ~ 1) }}{% endmacro %}\n\n{{ no() }}");
    assert_eq!(error, "chat_template.jinja, line 2: the template refuses this conversation: No 1");
}

#[test]
fn no_messages_are_refused() {
    let error = template("x").render(&[], true).unwrap_err();
    assert_eq!(error.reason, "the conversation has no messages: give at least one");
}

#[test]
fn messages_with_keys_that_would_be_lost_are_refused() {
    let message: Message = serde_json::from_value(json!({ "role": "user", "content": "hi" })).unwrap();
    assert_eq!(message, Message::user("hi"));
    let message: Result<Message, _> =
        serde_json::from_value(json!({ "role": "assistant", "content": "", "tool_calls": [] }));
    assert!(message.unwrap_err().to_string().contains("unknown field `tool_calls`"));
}

#[test]
fn a_marker_in_a_message_is_text() {
    let text = "{% generation %}{{ messages[0].content }}{% endgeneration %}";
    let content = "{% generation %} {{ bos_token }} &lt; <";
    assert_eq!(template(text).render(&[Message::user(content)], false).unwrap(), content);
}
