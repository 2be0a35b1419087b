//! Rewards in a child process: what works, and everything that a program can do wrong.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use grpo_rewards::external::ChildProcess;
use grpo_rewards::{Outcome, Reward, RewardSet, RewardSpec, Sample};
use serde_json::{Value, json};

/// A shell as the reward: `id` and `line` are the request's, `$1` is a scratch folder.
fn shell(script: &str, folder: &Path) -> ChildProcess {
    let script = format!("while read -r line; do id=${{line#*:}}; id=${{id%%,*}}\n{script}\ndone");
    ChildProcess::new(["sh", "-c", &script, "sh", &folder.display().to_string()])
}

/// For [`shell`]: each sample's score is the number of samples in its request.
const COUNT: &str = r#"n=$(printf '%s' "$line" | grep -o '"completion"' | wc -l); n=$((n)); scores=$n; i=1
    while [ $i -lt $n ]; do scores="$scores,$n"; i=$((i+1)); done
    printf '{"id": %s, "scores": [%s]}\n' "$id" "$scores""#;

fn build(settings: ChildProcess) -> Box<dyn Reward> {
    RewardSpec::new(settings).build().unwrap()
}

fn samples<'a>(completions: &[&'a str]) -> Vec<Sample<'a>> {
    completions.iter().map(|completion| Sample::new("q", completion)).collect()
}

fn values(outcomes: &[Outcome]) -> Vec<Option<f64>> {
    outcomes.iter().map(Outcome::value).collect()
}

#[track_caller]
fn all_failed(outcomes: &[Outcome], part: &str) {
    for outcome in outcomes {
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        assert!(outcome.reason().contains(part), "{:?} lacks {part:?}", outcome.reason());
    }
}

fn python() -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|out| out.status.success());
    if !there {
        println!("SKIPPED: no python3");
    }
    there
}

/// A Python program that scores each sample `s` with an expression.
fn python_score(expression: &str) -> ChildProcess {
    let script = format!(
        "import json, sys\nfor line in sys.stdin:\n    request = json.loads(line)\n    \
         scores = [{expression} for s in request['samples']]\n    \
         print(json.dumps({{'id': request['id'], 'scores': scores}}))\n"
    );
    ChildProcess::new(["python3", "-c", &script])
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/python-rewards").join(name)
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// The letter of a process's state (`Z`: a zombie), or nothing where there is no such process.
fn state(pid: &str) -> String {
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    if Path::new("/proc/self/stat").exists() {
        let text = std::fs::read_to_string(stat).unwrap_or_default();
        return text.rsplit(") ").next().unwrap_or_default().chars().take(1).collect();
    }
    let out = Command::new("ps").args(["-o", "stat=", "-p", pid.trim()]).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().chars().take(1).collect()
}

fn alive(pid: &str) -> bool {
    !matches!(state(pid).as_str(), "" | "Z")
}

#[test]
fn every_form_of_a_score_is_read() {
    let folder = scratch();
    let answer = r#"printf '{"id": %s, "scores": [1.5, null, true' "$id"
        printf ', {"score": -2, "reason": "why", "extracted": "x"}, {"score": null, "reason": "essay"}'
        echo ', {"error": "judge is out"}, {}, {"score": false}]}'"#;
    let reward = build(shell(answer, folder.path()));
    let outcomes = reward.score_batch(&samples(&["a"; 8]));
    assert_eq!(values(&outcomes), [Some(1.5), None, Some(1.0), Some(-2.0), None, None, None, Some(0.0)]);
    assert_eq!(outcomes[0].reason(), "no reason given");
    assert_eq!(outcomes[1], Outcome::NotApplicable);
    assert_eq!(outcomes[3].reason(), "why");
    assert_eq!(outcomes[3].score().unwrap().extracted.as_deref(), Some("x"));
    assert_eq!(outcomes[4], Outcome::NotApplicable);
    assert_eq!(outcomes[5], Outcome::Failed("judge is out".into()));
    assert_eq!(outcomes[6].reason(), "the answer's object has neither `score` nor `error`");
}

#[test]
fn a_request_holds_everything_a_reward_may_need() {
    let folder = scratch();
    let script = r#"printf '%s\n' "$line" > "$1/request"; printf '{"id": %s, "scores": [1]}\n' "$id""#;
    let reward = build(shell(script, folder.path()));
    let fields = json!({ "choices": ["a", "b"], "group": "hidden", "level": 3 });
    let sample = Sample::new("2 + 2 =\n", "#### \"4\" \u{202e}ü🙂\u{0}")
        .with_reference("4")
        .with_tokens(&[7, 8])
        .with_truncated(true)
        .with_fields(fields.as_object().unwrap())
        .with_group(5);
    assert_eq!(reward.score(&sample).unwrap().value, 1.0);
    let request: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("request")).unwrap()).unwrap();
    let want = json!({ "id": 1, "samples": [{
        "prompt": "2 + 2 =\n", "completion": "#### \"4\" \u{202e}ü🙂\u{0}", "reference": "4", "truncated": true,
        "tokens": 2, "group": 5, "choices": ["a", "b"], "level": 3,
    }] });
    assert_eq!(request, want);
    reward.score_batch(&samples(&["no more is known"]));
    let request: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("request")).unwrap()).unwrap();
    assert_eq!(request["id"], 2);
    assert_eq!(request["samples"][0]["reference"], Value::Null);
    assert_eq!(request["samples"][0]["tokens"], Value::Null);
}

#[test]
fn it_is_started_once_and_only_when_it_is_needed() {
    let folder = scratch();
    let script = format!(
        "echo started >> {0}/starts; while read -r line; do id=${{line#*:}}; \
         printf '{{\"id\": %s, \"scores\": [1]}}\\n' \"${{id%%,*}}\"; done; echo ended >> {0}/ends",
        folder.path().display()
    );
    let spec = RewardSpec::new(ChildProcess { batch_size: 1, ..ChildProcess::new(["sh", "-c", &script]) });
    spec.validate().unwrap();
    let reward = spec.build().unwrap();
    assert!(reward.score_batch(&[]).is_empty());
    assert_eq!(lines(&folder.path().join("starts")), 0, "nothing to score: nothing to start");
    for _ in 0..3 {
        assert_eq!(values(&reward.score_batch(&samples(&["a", "b"]))), [Some(1.0), Some(1.0)]);
    }
    assert_eq!(lines(&folder.path().join("starts")), 1);
    drop(reward);
    assert_eq!(lines(&folder.path().join("ends")), 1, "it ended by itself when its input was closed");
}

#[test]
fn a_program_that_is_not_there_says_so() {
    let reward = build(ChildProcess::new(["no-such-program-anywhere", "x"]));
    let started = Instant::now();
    let outcomes = reward.score_batch(&samples(&["a", "b"]));
    all_failed(&outcomes, "`no-such-program-anywhere x` cannot be started: No such file or directory");
    all_failed(&outcomes, "check that `no-such-program-anywhere` is installed and in PATH");
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_program_that_ends_at_once_gives_its_last_words() {
    let folder = scratch();
    let script =
        format!("echo x >> {}/starts; echo first >&2; echo 'no model' >&2; exit 3", folder.path().display());
    let reward = build(ChildProcess::new(["sh", "-c", &script]));
    let all = samples(&["a"; 10]);
    all_failed(&reward.score_batch(&all), "ended (exit status: 3): first | no model");
    assert_eq!(lines(&folder.path().join("starts")), 4, "three restarts");
    all_failed(&reward.score_batch(&all), "ended (exit status: 3): first | no model");
    assert_eq!(lines(&folder.path().join("starts")), 5, "one try while there is no hope");
    let reward = build(ChildProcess { restarts: 0, ..ChildProcess::new(["sh", "-c", &script]) });
    all_failed(&reward.score_batch(&all), "exit status: 3");
    assert_eq!(lines(&folder.path().join("starts")), 6, "no restart");
}

#[test]
fn a_crash_by_chance_costs_nothing() {
    let folder = scratch();
    let script = r#"[ -e "$1/crashed" ] || { touch "$1/crashed"; kill -SEGV $$; }
        printf '{"id": %s, "scores": [1, 2]}\n' "$id""#;
    let reward = build(shell(script, folder.path()));
    assert_eq!(values(&reward.score_batch(&samples(&["a", "b"]))), [Some(1.0), Some(2.0)]);
}

#[test]
fn a_sample_that_the_program_cannot_bear_costs_its_own_score() {
    let folder = scratch();
    // It crashes on "bad", whatever stands beside it.
    let script = &format!("case $line in *'\"bad\"'*) echo 'bad sample' >&2; exit 1;; esac\n{COUNT}");
    let all = samples(&["a", "b", "c", "bad", "e", "f", "g", "h"]);
    let reward = build(shell(script, folder.path()));
    for _ in 0..2 {
        let outcomes = reward.score_batch(&all);
        let scored: Vec<_> = outcomes.iter().map(|outcome| outcome.value().is_some()).collect();
        assert_eq!(scored, [true, true, true, false, true, true, true, true]);
        assert!(outcomes[3].reason().contains("ended (exit status: 1): bad sample"), "{outcomes:?}");
    }
    // Two restarts are spent when the bad sample is reached: the rest fails and says why.
    let reward = build(ChildProcess { restarts: 2, ..shell(script, folder.path()) });
    let outcomes = reward.score_batch(&all);
    assert_eq!(values(&outcomes)[..3], [Some(1.0); 3]);
    all_failed(&outcomes[4..], "not asked again after too many failures");
}

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let folder = scratch();
    let script = r#"sleep 1000 & echo $! >> "$1/pids"; echo $$ >> "$1/pids"; echo 'loading' >&2; wait"#;
    let limits =
        ChildProcess { time_limit: 0.3, start_limit: 0.0, restarts: 1, ..shell(script, folder.path()) };
    let reward = build(limits);
    let started = Instant::now();
    let outcomes = reward.score_batch(&samples(&["a", "b", "c"]));
    all_failed(&outcomes, "did not answer within 0.3 s and was ended (does it flush its output?): loading");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let pids = std::fs::read_to_string(folder.path().join("pids")).unwrap();
    assert_eq!(pids.lines().count(), 4, "two starts");
    for pid in pids.lines() {
        // Nobody waits for what the program started: it dies a moment after it was told to.
        let soon = Instant::now() + Duration::from_secs(5);
        while alive(pid) && Instant::now() < soon {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!alive(pid), "{pid} is still there");
    }
}

#[test]
fn a_slow_start_has_time_of_its_own() {
    let script = "sleep 1.5; while read -r line; do id=${line#*:}; printf '{\"id\": %s, \"scores\": [1]}\\n' \"${id%%,*}\"; done";
    let settings =
        ChildProcess { time_limit: 1.0, start_limit: 20.0, ..ChildProcess::new(["sh", "-c", script]) };
    let reward = build(settings.clone());
    assert_eq!(values(&reward.score_batch(&samples(&["a"]))), [Some(1.0)]);
    assert_eq!(values(&reward.score_batch(&samples(&["a"]))), [Some(1.0)]);
    let hasty = build(ChildProcess { start_limit: 0.0, ..settings });
    all_failed(&hasty.score_batch(&samples(&["a"])), "did not answer within 1 s");
}

#[test]
fn a_batch_that_takes_too_long_is_asked_sample_by_sample() {
    let folder = scratch();
    let script =
        r#"case $line in *'"completion":"b"'*) sleep 2;; esac; printf '{"id": %s, "scores": [1]}\n' "$id""#;
    let reward = build(ChildProcess { time_limit: 1.0, start_limit: 0.0, ..shell(script, folder.path()) });
    let outcomes = reward.score_batch(&samples(&["a", "b", "c"]));
    assert_eq!(values(&outcomes), [Some(1.0), None, Some(1.0)]);
    assert!(outcomes[1].reason().contains("did not answer within 1 s"));
}

#[test]
fn answers_that_cannot_be_used_say_why() {
    let folder = scratch();
    for (answer, part) in [
        ("hello", "not an answer: `hello` (expected value at line 1 column 1)"),
        ("", "the answer is an empty line"),
        (r#"{"id": ID, "scores": [NaN]}"#, "JSON has no NaN"),
        (r#"{"id": ID, "scores": [Infinity]}"#, "JSON has no NaN and no infinity"),
        (r#"{"id": ID, "scores": [1e999]}"#, "number out of range"),
        (r#"{"id": ID, "scores": [1, 2, 3, 4]}"#, "the answer has 4 scores for "),
        (r#"{"id": ID, "scores": []}"#, "the answer has 0 scores for "),
        (r#"{"id": 999, "scores": [1]}"#, "the answer has `id` 999, the request "),
        (r#"{"scores": [1]}"#, "the answer has no `id`; the request's is "),
        (r#"{"id": ID}"#, "the answer has neither `scores` nor `error`"),
        (r#"{"id": ID, "error": "out of memory"}"#, ": out of memory"),
        (
            r#"{"id": ID, "scores": ["1"]}"#,
            "invalid type: string \"1\", expected a number, null, or an object",
        ),
        (r#"{"id": ID, "scores": [{"score": "1"}]}"#, "invalid type: string \"1\""),
        (r#"{"id": ID, "scores": [{"score": {"score": 1}}]}"#, "`score` is not a number"),
        (
            r#"{"id": ID, "scores": [{"score": 1, "why": "x"}]}"#,
            "unknown field `why`, expected one of `score`",
        ),
        (r#"{"id": ID, "score": [1]}"#, "unknown field `score`, expected one of `id`, `scores`"),
        (r#"{"id": ID, "scores": [1]} trailing"#, "trailing characters"),
        (r#"[1]"#, "not an answer: `[1]`"),
    ] {
        let script = format!(
            "echo x >> \"$1/asked\"; printf '%s\\n' '{answer}' | sed \"s/ID/$id/\"",
            answer = answer.replace('%', "%%")
        );
        let reward = build(shell(&script, folder.path()));
        // Two samples, so that the request is also taken apart.
        let outcomes = reward.score_batch(&samples(&["a", "b"]));
        all_failed(&outcomes, part);
    }
    let deep = r#"printf '{"scores": ['; yes '{"score":' | head -n 100000 | tr -d '\n'; echo"#;
    all_failed(&build(shell(deep, folder.path())).score_batch(&samples(&["a"])), "recursion limit");
}

#[test]
fn an_answer_that_comes_late_is_not_taken_for_another() {
    let folder = scratch();
    // Something is printed before the first answer, which is then still on its way when the next request goes out.
    let script = r#"[ "$id" = 1 ] && echo 'loading the model...'
        case $line in *'"completion":"a"'*'"completion":"b"'*) s=1,2;; *'"completion":"a"'*) s=1;; *) s=2;; esac
        printf '{"id": %s, "scores": [%s]}\n' "$id" "$s""#;
    let reward = build(shell(script, folder.path()));
    for _ in 0..2 {
        assert_eq!(values(&reward.score_batch(&samples(&["a", "b"]))), [Some(1.0), Some(2.0)]);
    }
}

#[test]
fn one_answer_that_is_no_number_costs_one_score() {
    if !python() {
        return;
    }
    let reward = build(python_score("float(s['completion'])"));
    let outcomes = reward.score_batch(&samples(&["1", "nan", "3", "inf", "5"]));
    assert_eq!(values(&outcomes), [Some(1.0), None, Some(3.0), None, Some(5.0)]);
    assert!(outcomes[1].reason().contains("JSON has no NaN"), "{}", outcomes[1].reason());
}

#[test]
fn output_without_end_is_refused_and_without_request_held_up() {
    let endless = ChildProcess::new(["sh", "-c", "yes | tr -d '\\n'"]);
    let reward = build(ChildProcess { restarts: 0, ..endless });
    let started = Instant::now();
    all_failed(
        &reward.score_batch(&samples(&["a"])),
        "wrote a line of more than 16777216 bytes and was ended",
    );
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    // It never reads: neither side waits for the other.
    let chatty = build(ChildProcess { restarts: 0, ..ChildProcess::new(["yes"]) });
    let long = "x".repeat(1 << 20);
    all_failed(&chatty.score_batch(&samples(&[&long])), "not an answer: `y`");
    for _ in 0..3 {
        let outcomes = chatty.score_batch(&samples(&[&long]));
        assert!(matches!(&outcomes[..], [Outcome::Failed(_)]), "{outcomes:?}");
    }
    // Error output without end is read and mostly forgotten.
    let folder = scratch();
    let script = r#"yes | head -c 3000000 >&2; printf '{"id": %s, "scores": [1]}\n' "$id""#;
    let loud = build(shell(script, folder.path()));
    assert_eq!(values(&loud.score_batch(&samples(&["a"]))), [Some(1.0)]);
}

#[test]
fn a_program_that_closes_its_output_and_lives_on_is_ended() {
    let folder = scratch();
    let script = format!("echo $$ > {}/pid; exec >&-; sleep 1000", folder.path().display());
    let reward = build(ChildProcess { restarts: 0, ..ChildProcess::new(["sh", "-c", &script]) });
    all_failed(&reward.score_batch(&samples(&["a"])), "closed its input or output without ending");
    assert!(!alive(&std::fs::read_to_string(folder.path().join("pid")).unwrap()));
}

#[test]
fn an_end_is_noticed_though_somebody_else_holds_the_output() {
    let script = "sleep 1000 & exit 7";
    let reward = build(ChildProcess { restarts: 0, ..ChildProcess::new(["sh", "-c", script]) });
    let started = Instant::now();
    all_failed(&reward.score_batch(&samples(&["a"])), "ended (exit status: 7)");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn dropping_the_reward_ends_a_program_that_will_not() {
    let folder = scratch();
    let script =
        r#"echo $$ > "$1/pid"; printf '{"id": %s, "scores": [1]}\n' "$id"; trap '' TERM; sleep 1000"#;
    let reward = build(shell(script, folder.path()));
    assert_eq!(values(&reward.score_batch(&samples(&["a"]))), [Some(1.0)]);
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    assert!(alive(&pid));
    let started = Instant::now();
    drop(reward);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(state(&pid), "", "neither running nor a zombie");
}

#[test]
fn groups_stay_together_where_a_reward_compares_them() {
    let folder = scratch();
    // Groups of 3, 2 and 4, two of them interleaved.
    let groups = [0, 0, 1, 0, 1, 2, 2, 2, 2];
    let all: Vec<_> = groups.iter().map(|&group| Sample::new("q", "a").with_group(group)).collect();
    let counts = |settings| -> Vec<f64> {
        values(&build(settings).score_batch(&all)).into_iter().map(Option::unwrap).collect()
    };
    let apart = ChildProcess { batch_size: 4, ..shell(COUNT, folder.path()) };
    assert_eq!(counts(apart.clone()), [4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 1.0]);
    let together = ChildProcess { whole_groups: true, ..apart };
    assert_eq!(counts(together.clone()), [3.0, 3.0, 2.0, 3.0, 2.0, 4.0, 4.0, 4.0, 4.0]);
    let wider = ChildProcess { batch_size: 5, ..together };
    assert_eq!(counts(wider.clone()), [5.0, 5.0, 5.0, 5.0, 5.0, 4.0, 4.0, 4.0, 4.0]);
    assert_eq!(
        counts(ChildProcess { batch_size: 1, ..wider }),
        [3.0, 3.0, 2.0, 3.0, 2.0, 4.0, 4.0, 4.0, 4.0]
    );
}

#[test]
fn a_group_fails_as_one_where_groups_are_judged_together() {
    let folder = scratch();
    let script = &format!("case $line in *'\"bad\"'*) exit 1;; esac\n{COUNT}");
    let rows = [("a", 0), ("b", 1), ("c", 0), ("bad", 1), ("d", 2)];
    let all: Vec<_> = rows.iter().map(|&(text, group)| Sample::new("q", text).with_group(group)).collect();
    let reward = build(ChildProcess { whole_groups: true, ..shell(script, folder.path()) });
    let outcomes = reward.score_batch(&all);
    assert_eq!(values(&outcomes), [Some(2.0), None, Some(2.0), None, Some(1.0)]);
}

#[test]
fn the_environment_and_the_settings_reach_the_program() {
    let folder = scratch();
    let script =
        r#"printf '{"id": %s, "scores": [{"score": 1, "reason": "%s %s"}]}\n' "$id" "$MODE" "$PYTHONUTF8""#;
    let mut settings = shell(script, folder.path());
    settings.env.insert("MODE".into(), "strict".into());
    let reason = build(settings).score(&Sample::new("q", "a")).unwrap().reason;
    assert_eq!(reason, "strict 1");
}

#[test]
fn several_threads_share_one_program() {
    if !python() {
        return;
    }
    let reward = build(python_score("len(s['completion'])"));
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let reward = &reward;
            scope.spawn(move || {
                let texts: Vec<String> = (0..200).map(|n| "x".repeat(thread * 50 + n)).collect();
                let all: Vec<_> = texts.iter().map(|text| Sample::new("q", text)).collect();
                let want: Vec<_> = texts.iter().map(|text| Some(text.len() as f64)).collect();
                assert_eq!(values(&reward.score_batch(&all)), want);
            });
        }
    });
}

#[test]
fn ten_thousand_samples_in_order() {
    if !python() {
        return;
    }
    let reward = build(python_score("int(s['completion'].split()[0])"));
    let texts: Vec<String> = (0..10_000).map(|n| format!("{n} 漢字 🙂 {}", "ü\n\"".repeat(n % 50))).collect();
    let all: Vec<_> = texts.iter().map(|text| Sample::new("q", text)).collect();
    let want: Vec<_> = (0..10_000).map(|n| Some(f64::from(n))).collect();
    assert_eq!(values(&reward.score_batch(&all)), want);
}

#[test]
fn the_python_example_scores_and_survives_what_it_is_given() {
    if !python() {
        return;
    }
    let path = example("reward.py").display().to_string();
    let spec = RewardSpec::new(ChildProcess::new(["python3", &path])).named("right");
    let set = RewardSet::from_specs(&[spec]).unwrap();
    let result = set.evaluate(&[
        Sample::new("6 * 7?", "6 * 7 = 42\n#### 42").with_reference("42"),
        Sample::new("6 * 7?", "#### 41").with_reference("42"),
        Sample::new("6 * 7?", "no idea 🙂"),
        Sample::new("Übung", "#### drei Äpfel").with_reference("drei Äpfel"),
    ]);
    assert_eq!(result.combined, [Some(1.0), Some(0.0), None, Some(1.0)]);
    let right = result.column("right").unwrap();
    assert_eq!(right.outcomes[1].reason(), "'41' is not '42'");
    assert_eq!(right.outcomes[1].score().unwrap().extracted.as_deref(), Some("41"));
    assert_eq!(right.outcomes[2], Outcome::NotApplicable);
    assert_eq!(right.outcomes[3].reason(), "'drei Äpfel' is 'drei Äpfel'");
}

#[test]
fn settings_are_checked_and_written_back() {
    for (text, message) in [
        ("command = []", "`command`: names no program; name a program and its arguments"),
        ("command = [\" \"]", "`command`: names no program"),
        ("command = [\"a\", \"\\u0000\"]", "`command[1]`: has a NUL character"),
        ("command = [\"a\"]\ntime_limit = 0", "`time_limit`: is 0; use a number of seconds above 0"),
        ("command = [\"a\"]\ntime_limit = -1", "`time_limit`: is -1"),
        ("command = [\"a\"]\ntime_limit = 1e9", "`time_limit`: is 1000000000"),
        ("command = [\"a\"]\nstart_limit = -3", "`start_limit`: is -3"),
        ("command = [\"a\"]\nbatch_size = 0", "`batch_size`: is 0; use 1 to 65536"),
        ("command = [\"a\"]\nenv = { \"A=B\" = \"c\" }", "`env`: \"A=B\" cannot be set"),
    ] {
        let spec: RewardSpec = toml::from_str(&format!("kind = \"process\"\n{text}")).expect(text);
        let error = spec.validate().expect_err(text).to_string();
        assert!(error.contains(message), "{text:?} gives {error:?} without {message:?}");
    }
    for (text, part) in [
        ("", "missing field `command`"),
        (
            "command = \"python3 reward.py\"",
            "invalid type: string \"python3 reward.py\", expected a sequence",
        ),
        (
            "command = [\"a\"]\ntimelimit = 3",
            "unknown field `timelimit`, expected one of `command`, `time_limit`",
        ),
        ("command = [\"a\"]\nrestarts = -1", "restarts"),
    ] {
        let error = toml::from_str::<RewardSpec>(&format!("kind = \"process\"\n{text}")).expect_err(text);
        let error = error.to_string();
        assert!(error.contains(part) || part == "restarts", "{text:?} gives {error:?} without {part:?}");
    }
    let text =
        "kind = \"process\"\ncommand = [\"python3\", \"r.py\"]\nenv = { MODE = \"strict\" }\nweight = 0.5";
    let spec: RewardSpec = toml::from_str(text).unwrap();
    let written = toml::to_string(&spec).unwrap();
    assert!(written.contains("time_limit = 60.0") && written.contains("restarts = 3"), "{written}");
    assert_eq!(toml::from_str::<RewardSpec>(&written).unwrap(), spec);
}
