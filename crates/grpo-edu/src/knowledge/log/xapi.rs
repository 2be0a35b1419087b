//! Response logs as xAPI statements.

use super::{Builder, ResponseLog};
use crate::assessment::xapi::statement::ANSWERED;
use crate::assessment::xapi::{Answers, XapiError, answers, no_details};
use crate::error::EduError;

/// Builds on [`crate::assessment::xapi`]'s reader, without what a log has no use for.
pub(super) fn parse(text: &str, name: &str) -> Result<ResponseLog, EduError> {
    let Answers { answers, skipped, statements } =
        answers(text, name, no_details).map_err(|error| refused(error, name))?;
    let mut log = Builder::default();
    for answer in &answers {
        log.push(&answer.learner, &answer.skill, &answer.item, answer.correct);
    }
    let empty = format!(
        "of its {statements} statements none has the verb `{ANSWERED}`, an activity as its object and `result.success`"
    );
    log.finish(name, skipped, &empty)
}

fn refused(error: XapiError, path: &str) -> EduError {
    match error {
        XapiError::Read { name, place, problem } => EduError::Log { file: name, place, problem },
        other => EduError::ReadFile { path: path.into(), reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::xapi::statement::VOIDED;
    use serde_json::{Value, json};

    fn answered(learner: &str, item: &str, success: bool, time: &str) -> Value {
        json!({
            "actor": {"mbox": format!("mailto:{learner}")},
            "verb": {"id": ANSWERED},
            "object": {"id": item},
            "result": {"success": success},
            "timestamp": time,
        })
    }

    #[test]
    fn the_three_forms_say_the_same() {
        let one = answered("a", "q1", true, "2026-01-01T10:00:00Z");
        let two = answered("a", "q2", false, "2026-01-01T09:00:00Z");
        let lines = format!("{one}\n\n{two}\n");
        let log = parse(&lines, "t").unwrap();
        assert_eq!(log, parse(&json!([one, two]).to_string(), "t").unwrap());
        let page = json!({"statements": [one, two], "more": ""});
        assert_eq!(log, parse(&serde_json::to_string_pretty(&page).unwrap(), "t").unwrap());
        assert_eq!(log.learners(), ["mailto:a"]);
        // Sorted by time, so the second comes first.
        assert_eq!(log.items(), ["q2", "q1"]);
        assert_eq!(log.responses()[0].iter().map(|r| r.correct).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn answers_of_one_moment_stay_in_order() {
        let time = "2026-01-01T10:00:00Z";
        let all: Vec<Value> = (0..20).map(|n| answered("a", &format!("q{n}"), n % 3 == 0, time)).collect();
        let log = parse(&json!(all).to_string(), "t").unwrap();
        assert_eq!(
            log.responses()[0].iter().map(|r| r.item).collect::<Vec<_>>(),
            (0..20).collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_is_no_response_is_counted() {
        let time = "2026-01-01T10:00:00Z";
        let mut other = answered("a", "q", true, time);
        other["verb"]["id"] = json!("http://adlnet.gov/expapi/verbs/completed");
        let mut open = answered("a", "q", true, time);
        open["result"] = json!({"score": {"scaled": 0.5}});
        let mut reference = answered("a", "q", true, time);
        reference["object"]["objectType"] = json!("StatementRef");
        let mut void = answered("a", "q", true, time);
        void["id"] = json!("11111111-1111-1111-1111-111111111111");
        let voids = json!({
            "actor": {"mbox": "mailto:teacher"},
            "verb": {"id": VOIDED},
            "object": {"objectType": "StatementRef", "id": void["id"]},
        });
        let kept = answered("b", "q", false, time);
        let log = parse(&json!([other, open, reference, void, voids, kept]).to_string(), "t").unwrap();
        assert_eq!((log.len(), log.skipped(), log.learners()), (1, 5, &["mailto:b".to_string()][..]));
    }

    #[test]
    fn actors_and_skills_are_found_wherever_they_stand() {
        let time = "2026-01-01T10:00:00Z";
        let mut all: Vec<Value> = (0..4).map(|_| answered("a", "q", true, time)).collect();
        all[0]["actor"] = json!({"mbox_sha1sum": "abc"});
        all[0]["context"] =
            json!({"contextActivities": {"parent": [{"id": "quiz"}], "grouping": [{"id": "s"}]}});
        all[1]["actor"] = json!({"openid": "http://me"});
        all[1]["context"] = json!({"contextActivities": {"parent": {"id": "quiz"}}});
        all[2]["actor"] = json!({"account": {"homePage": "http://school", "name": "7"}});
        all[2]["context"] = json!({"contextActivities": {"grouping": []}});
        let log = parse(&json!(all).to_string(), "t").unwrap();
        assert_eq!(log.learners(), ["abc", "http://me", "http://school 7", "mailto:a"]);
        assert_eq!(log.skills(), ["s", "quiz", "q"]);
    }

    #[test]
    fn a_bad_file_is_refused_with_its_place() {
        let good = answered("a", "q", true, "2026-01-01T10:00:00Z");
        let with = |key: &str, value: Value| {
            let mut bad = good.clone();
            bad[key] = value;
            format!("{good}\n{bad}\n")
        };
        let table = [
            (String::new(), "t has no responses: of its 0 statements"),
            (format!("{good}\n{{oops\n"), "t, line 2: not JSON"),
            (format!("{good}\n7\n"), "t, statement 2 (line 2): 7 is no statement"),
            (
                with("result", json!({"success": "yes"})),
                "t, statement 2 (line 2): `result.success` is \"yes\"",
            ),
            (with("actor", json!({"name": "Ada"})), "t, statement 2 (line 2): the actor has neither"),
            (with("object", json!({})), "t, statement 2 (line 2): no `object.id`"),
            (with("timestamp", json!("noon")), "t, statement 2 (line 2): `timestamp` is \"noon\""),
            (with("timestamp", Value::Null), "t, statement 2 (line 2): neither `timestamp` nor `stored`"),
            (json!({"statements": [], "more": "/next"}).to_string(), "goes on at `/next`"),
            (json!({"statements": 3}).to_string(), "`statements` must be an array"),
        ];
        for (text, expected) in table {
            let error = parse(&text, "t").unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
