//! What holds for every item, whatever format it was written in.

use std::sync::LazyLock;

use grpo_edu::assessment::xapi::{
    Answered, Learner, Recorder, SessionInfo, Timestamp, XapiConfig, histories,
};
use grpo_edu::assessment::{Item, Marked, Style};

use crate::budget::within;

static RECORDER: LazyLock<Recorder> =
    LazyLock::new(|| Recorder::new(XapiConfig::default()).expect("the defaults are valid"));

const COMPLETIONS: [&str; 10] = [
    "",
    "#### A",
    "#### A, C",
    "#### B, A, C",
    "#### 1-A, 2-B",
    "#### 1: 3; 2: B; 3: word",
    "#### -2.5e3",
    "#### 10,20",
    "#### true",
    "Let me think: the answer is \\boxed{\"a \\u0000 word\"}",
];

/// Shows, solves, marks and records an item.
pub(crate) fn check(item: &dyn Item) {
    for style in [Style::Plain, Style::Markdown] {
        within("the prompt", || item.prompt(style));
    }
    let solution = within("the solution", || item.solution());
    if let Some(solution) = &solution {
        let marked = mark(item, solution);
        assert_ne!(marked.success(), Some(false), "the solution {solution:?} earns {marked:?}");
    }
    let marked = COMPLETIONS.map(|completion| mark(item, completion));
    // Most of a record is the item itself, so two answers are enough: one that is read by most, and the worst.
    let worth = |marked: &&Marked| marked.score.unwrap_or_default();
    let worst = marked.iter().min_by(|a, b| worth(a).total_cmp(&worth(b)));
    marked.get(1).into_iter().chain(worst).for_each(|marked| record(item, marked));
}

fn mark(item: &dyn Item, completion: &str) -> Marked {
    let marked = within("marking", || item.mark(completion));
    assert!(marked.min <= marked.max, "{marked:?}");
    if let Some(score) = marked.score {
        assert!((marked.min..=marked.max).contains(&score), "{completion:?} earns {marked:?}");
    }
    marked
}

/// Whatever was marked can be exported, and is read back.
fn record(item: &dyn Item, marked: &Marked) {
    let definition = item.definition();
    let info = SessionInfo { run: "run", session: "1", learner: Learner::Anonymous, assessment: "fuzz" };
    let session = RECORDER.session(info).expect("the session is valid");
    let at = Timestamp::from_unix(1_790_000_000, 0).expect("a moment of these years");
    let answered = Answered { step: 0, item: &definition, marked, skill: item.skill(), at, took: None };
    let statement = session.answered(&answered).unwrap_or_else(|error| panic!("{error}: {marked:?}"));
    let value = statement.value().unwrap_or_else(|error| panic!("{error}"));
    let read = histories(&value.to_string(), "statement").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.learners.len(), usize::from(marked.success().is_some()), "{value}");
    if let Some(answer) = read.learners.first().and_then(|learner| learner.answers.first()) {
        assert_eq!(Some(answer.correct), marked.success());
        assert_eq!(RECORDER.item_of(&answer.item).as_deref(), Some(item.id()));
    }
}
