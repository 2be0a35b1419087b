//! Response logs as xAPI statements.

use super::{Builder, ResponseLog};
use crate::error::EduError;
use serde_json::{Map, Value};
use std::collections::HashSet;

const ANSWERED: &str = "http://adlnet.gov/expapi/verbs/answered";
const VOIDED: &str = "http://adlnet.gov/expapi/verbs/voided";

/// A statement, and where it stands.
struct Statement {
    value: Map<String, Value>,
    place: String,
}

/// A response, and when it was given: seconds since 1970 and nanoseconds.
struct Answer {
    at: (i64, u32),
    learner: String,
    skill: String,
    item: String,
    correct: bool,
}

pub(super) fn parse(text: &str, name: &str) -> Result<ResponseLog, EduError> {
    let statements = statements(text, name)?;
    let voided: HashSet<&str> = statements
        .iter()
        .filter(|s| text_at(&s.value, &["verb", "id"]) == Some(VOIDED))
        .filter_map(|s| text_at(&s.value, &["object", "id"]))
        .collect();
    let (mut answers, mut skipped) = (Vec::new(), 0);
    for statement in &statements {
        let is_void = text_at(&statement.value, &["id"]).is_some_and(|id| voided.contains(id));
        let answer = if is_void { None } else { answer(statement, name)? };
        match answer {
            Some(answer) => answers.push(answer),
            None => skipped += 1,
        }
    }
    // Stable: what happened at the same moment stays in the order of the file.
    answers.sort_by_key(|answer| answer.at);
    let mut log = Builder::default();
    for answer in &answers {
        log.push(&answer.learner, &answer.skill, &answer.item, answer.correct);
    }
    let empty = format!(
        "of its {} statements none has the verb `{ANSWERED}`, an activity as its object and `result.success`",
        statements.len()
    );
    log.finish(name, skipped, &empty)
}

/// Every statement of the file, whichever of the three forms it has.
fn statements(text: &str, name: &str) -> Result<Vec<Statement>, EduError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let refuse = |place: String, problem: String| EduError::Log { file: name.into(), place, problem };
    let mut found = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut line, mut counted) = (1, 0);
    loop {
        let begin = values.byte_offset();
        let Some(value) = values.next() else { return Ok(found) };
        // The value begins after the blanks at the place where the last one ended.
        let rest = &text[begin..];
        let start = begin + rest.len() - rest.trim_start().len();
        line += text[counted..start].matches('\n').count();
        counted = start;
        let value = value.map_err(|error| {
            refuse(
                format!("line {}", error.line()),
                format!("not JSON ({error}); write one statement a line"),
            )
        })?;
        let parts = match value {
            Value::Array(parts) => parts,
            Value::Object(mut page) if page.contains_key("statements") => {
                if let Some(Value::String(more)) = page.get("more")
                    && !more.is_empty()
                {
                    let problem = format!(
                        "one page of a result that goes on at `{more}`; put the statements of all pages into one file"
                    );
                    return Err(refuse(format!("line {line}"), problem));
                }
                match page.remove("statements") {
                    Some(Value::Array(parts)) => parts,
                    _ => return Err(refuse(format!("line {line}"), "`statements` must be an array".into())),
                }
            }
            value => vec![value],
        };
        for value in parts {
            let place = format!("statement {} (line {line})", found.len() + 1);
            match value {
                Value::Object(value) => found.push(Statement { value, place }),
                other => {
                    return Err(refuse(place, format!("{other} is no statement; write an object")));
                }
            }
        }
    }
}

/// The response that a statement tells of, if it tells of one.
fn answer(statement: &Statement, name: &str) -> Result<Option<Answer>, EduError> {
    let refuse =
        |problem: String| EduError::Log { file: name.into(), place: statement.place.clone(), problem };
    let value = &statement.value;
    if text_at(value, &["verb", "id"]) != Some(ANSWERED) {
        return Ok(None);
    }
    if text_at(value, &["object", "objectType"]).is_some_and(|kind| kind != "Activity") {
        return Ok(None);
    }
    let correct = match at(value, &["result", "success"]) {
        Some(Value::Bool(correct)) => *correct,
        None | Some(Value::Null) => return Ok(None),
        Some(other) => return Err(refuse(format!("`result.success` is {other}; it must be true or false"))),
    };
    let item = match text_at(value, &["object", "id"]) {
        Some(id) => id.to_string(),
        None => return Err(refuse("no `object.id`; it names the question".into())),
    };
    let Some(learner) = learner(value) else {
        let problem = "the actor has neither `mbox`, `mbox_sha1sum`, `openid` nor an `account` with `homePage` and `name`; \
                       one of them says whose answer this is";
        return Err(refuse(problem.into()));
    };
    let time = text_at(value, &["timestamp"]).or_else(|| text_at(value, &["stored"]));
    let at = match time.map(|time| (moment(time), time)) {
        Some((Some(at), _)) => at,
        Some((None, time)) => {
            return Err(refuse(format!("`timestamp` is {time:?}; it must be like 2026-01-31T12:00:00Z")));
        }
        None => {
            return Err(refuse(
                "neither `timestamp` nor `stored`; one of them gives the order of answers".into(),
            ));
        }
    };
    let skill = ["grouping", "parent"]
        .iter()
        .find_map(|relation| first_id(at_path(value, relation)?))
        .unwrap_or(&item)
        .to_string();
    Ok(Some(Answer { at, learner, skill, item, correct }))
}

fn at_path<'a>(value: &'a Map<String, Value>, relation: &str) -> Option<&'a Value> {
    at(value, &["context", "contextActivities", relation])
}

/// The id of the first of some activities; a single one may stand without an array.
fn first_id(activities: &Value) -> Option<&str> {
    let first = match activities {
        Value::Array(activities) => activities.first()?,
        single => single,
    };
    first.get("id")?.as_str()
}

/// The inverse functional identifier of the actor.
fn learner(statement: &Map<String, Value>) -> Option<String> {
    let simple = ["mbox", "mbox_sha1sum", "openid"];
    let simple = simple.iter().find_map(|key| text_at(statement, &["actor", key]));
    simple.map(str::to_string).or_else(|| {
        let part = |key| text_at(statement, &["actor", "account", key]);
        Some(format!("{} {}", part("homePage")?, part("name")?))
    })
}

fn at<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(*first)?, |value, key| value.get(key))
}

fn text_at<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a str> {
    at(object, path)?.as_str()
}

/// Seconds since 1970 and nanoseconds of a date and time by ISO 8601 in its extended form; without a zone, UTC.
fn moment(text: &str) -> Option<(i64, u32)> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let zone = time.find(['Z', 'z', '+', '-', '\u{2212}']);
    let (clock, zone) = zone.map_or((time, ""), |place| time.split_at(place));
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let mut clock = clock.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next().unwrap_or(Some(0))?);
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = lengths.get(usize::try_from(month - 1).ok()?)?;
    // 60 is a leap second.
    let valid = (1..=*days).contains(&day) && hour <= 23 && minute <= 59 && second <= 60;
    if !valid || clock.next().is_some() || fraction.is_empty() {
        return None;
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = nanos.fold(0, |sum, digit| 10 * sum + u32::from(digit - b'0'));
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some((seconds - offset(zone)?, nanos))
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Seconds by which a zone is ahead of UTC: `Z`, `+02:00`, `-0530`, `+02`, or nothing.
fn offset(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = zone.chars().next()?;
    let (hours, minutes) = match &zone[sign.len_utf8()..] {
        rest if rest.contains(':') => rest.split_once(':')?,
        rest if rest.is_ascii() && rest.len() == 4 => rest.split_at(2),
        rest => (rest, "00"),
    };
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let seconds = 3600 * hours + 60 * minutes;
    (hours <= 23 && minutes <= 59).then_some(if sign == '+' { seconds } else { -seconds })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days since 1970-01-01 in the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March end with the leap day, which puts it out of the way; 719,468 days lie between
    // 0000-03-01 and 1970-01-01.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
    fn moments_are_exact_across_zones_and_leap_years() {
        assert_eq!(moment("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(moment("2000-02-29T12:30:15.25Z"), Some((951_827_415, 250_000_000)));
        assert_eq!(moment("2026-11-23T10:58:54+02:00"), moment("2026-11-23T08:58:54Z"));
        assert_eq!(moment("2026-01-01T00:10:00-0530"), moment("2026-01-01T05:40:00"));
        assert_eq!(moment("2026-01-01T00:10Z"), moment("2026-01-01T00:10:00Z"));
        // `date -u -d 2026-11-23T10:58:54Z +%s`
        assert_eq!(moment("2026-11-23T10:58:54Z"), Some((1_795_431_534, 0)));
        assert_eq!(moment("1969-12-31T23:59:59Z"), Some((-1, 0)));
        for bad in [
            "",
            "yesterday",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:61:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.xZ",
            "2026-01-01T00:00:00+2",
            "2026-1-1T00:00:00Z",
            "26-01-01T00:00:00Z",
        ] {
            assert_eq!(moment(bad), None, "{bad}");
        }
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
