//! Answers as xAPI statements.

use crate::{Answer, Error, Question, RecordsConfig, tutoring::Replay};
use grpo_edu::assessment::xapi::{
    Answered, Finished, Learner, Recorder, Score, Session, SessionInfo, Statement, Timestamp, XapiError,
};
use grpo_edu::assessment::{Definition, Interaction, Marked, Response};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What statements are about, beside the answers.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The run, unique among all that send to the same store: the statements of one run always have the same ids.
    pub run: &'a str,
    /// What was answered: the name of a bank, a file or a tutor.
    pub assessment: &'a str,
    /// When it began.
    pub begun: SystemTime,
    /// How long it took.
    pub took: Duration,
}

impl Occasion<'_> {
    fn at(&self, after: Duration) -> Result<Timestamp, XapiError> {
        let at = (self.begun + after).duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(at.as_secs() as i64, at.subsec_nanos())
    }
}

/// The statements of one evaluation: that it began, each answer with its score, and how it ended.
///
/// # Errors
/// When a setting can't be used, or a score is outside its bounds.
pub fn evaluation(
    config: &RecordsConfig,
    occasion: &Occasion<'_>,
    questions: &[Question],
    answers: &[Answer],
) -> Result<Vec<Statement>, XapiError> {
    let recorder = Recorder::new(config.xapi.clone())?;
    let session = recorder.session(SessionInfo {
        run: occasion.run,
        session: "evaluation",
        learner: Learner::Id(config.learner.clone()),
        assessment: occasion.assessment,
    })?;
    let mut statements = vec![session.initialized(occasion.at(Duration::ZERO)?)?];
    let at = occasion.at(occasion.took)?;
    let asked = questions.iter().zip(answers).enumerate().filter(|(_, (_, answer))| answer.finish.is_some());
    for (step, (question, answer)) in asked {
        let (item, marked) = marked(question, answer);
        let skill = question.item.as_ref().and_then(|bank| bank.item().skill());
        statements.push(session.answered(&Answered {
            step: step as u64,
            item: &item,
            marked: &marked,
            skill,
            at,
            took: None,
        })?);
    }
    let scores: Vec<f64> =
        answers.iter().filter(|answer| !answer.failed).map(|answer| answer.score).collect();
    let mean = (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
    let score = mean.map(|mean| Score { scaled: Some(mean.clamp(-1.0, 1.0)), ..Score::default() });
    statements.push(session.finished(&Finished { at, score, passed: None, took: Some(occasion.took) })?);
    Ok(statements)
}

/// A question and its answer as an item and its mark: an item of a bank by its own scoring, any other as a text to fill in.
fn marked(question: &Question, answer: &Answer) -> (Definition, Marked) {
    if let Some(bank) = &question.item {
        return (bank.item().definition(), bank.item().mark(&answer.completion));
    }
    let text = |text: &str| Some(Response::Text(text.to_owned()));
    let item = Definition {
        id: format!("{:016x}", question.id()),
        name: beginning(&question.prompt),
        description: question.prompt.clone(),
        interactions: vec![Interaction::Text],
        correct: vec![question.reference.as_deref().and_then(text)],
    };
    let marked = Marked {
        responses: vec![text(answer.completion.trim())],
        score: (!answer.failed).then_some(answer.score),
        min: answer.score.min(0.0),
        max: answer.score.max(1.0),
        reason: answer.reason.clone(),
    };
    (item, marked)
}

/// The first words of a prompt.
fn beginning(prompt: &str) -> String {
    let line: Vec<&str> = prompt.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The statements of a tutor's sessions, replayed step by step: each exercise that a learner answered, and what the session was worth.
///
/// # Errors
/// As [`evaluation`].
pub(crate) fn sessions(
    config: &RecordsConfig,
    occasion: &Occasion<'_>,
    actions: &[String],
    replays: &[Replay],
) -> Result<Vec<Statement>, XapiError> {
    let recorder = Recorder::new(config.xapi.clone())?;
    let mut statements = Vec::new();
    for replay in replays {
        let session = recorder.session(SessionInfo {
            run: occasion.run,
            session: &replay.learner.to_string(),
            learner: Learner::Id(format!("{}-{}", config.learner, replay.learner)),
            assessment: occasion.assessment,
        })?;
        taught(&session, occasion, actions, replay, &mut statements)?;
    }
    Ok(statements)
}

fn taught(
    session: &Session<'_>,
    occasion: &Occasion<'_>,
    actions: &[String],
    replay: &Replay,
    statements: &mut Vec<Statement>,
) -> Result<(), XapiError> {
    statements.push(session.initialized(occasion.at(Duration::ZERO)?)?);
    // Simulated answers have an order and no time of their own: a second for each.
    let second = |step: usize| Duration::from_secs(step as u64);
    for (step, told) in replay.steps.iter().enumerate() {
        let (Some(correct), Some(action)) = (told.correct, actions.get(told.action)) else { continue };
        let item = Definition {
            id: action.clone(),
            name: action.clone(),
            description: action.clone(),
            interactions: vec![Interaction::Truth],
            correct: vec![Some(Response::Truth(true))],
        };
        let reason = if correct { "right" } else { "wrong" };
        let marked = Marked {
            responses: vec![Some(Response::Truth(correct))],
            score: Some(f64::from(u8::from(correct))),
            min: 0.0,
            max: 1.0,
            reason: reason.into(),
        };
        let at = occasion.at(second(step + 1))?;
        let skill = Some(action.as_str());
        let answered = Answered { step: step as u64, item: &item, marked: &marked, skill, at, took: None };
        statements.push(session.answered(&answered)?);
    }
    let score = Score { raw: Some(replay.worth), ..Score::default() };
    let took = second(replay.steps.len() + 1);
    let finished = Finished { at: occasion.at(took)?, score: Some(score), passed: None, took: None };
    statements.push(session.finished(&finished)?);
    Ok(())
}

/// A name for a run that no other has.
pub(crate) fn run_name(folder: &Path, begun: SystemTime) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}-{}", begun.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos())
}

/// Writes statements as a file of the run folder, replacing one of before.
pub(crate) fn write(folder: &Path, statements: &[Statement]) -> Result<(), Error> {
    let path = folder.join("xapi.jsonl");
    let mut text = String::new();
    for statement in statements {
        text += &statement.value()?.to_string();
        text.push('\n');
    }
    crate::folder::write_atomically(&path, text.as_bytes())
}
