//! `grpo train` for a tutor.

use crate::failure::{Classify, Failure};
use crate::recipe::Source;
use crate::train::{Session, device_recorded};
use crate::words::{bytes, count, duration, thousands};
use crate::{args, folder, model, table};
use grpo_train::Error;
use grpo_train::tutoring::{self, Examination, Interval, Role, TutorEnding, TutorSummary};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// A new run.
pub(crate) fn fresh(source: &Source, args: &args::Train) -> Result<ExitCode, Failure> {
    let recipe = source.read_tutor(args).bad_input()?;
    let out = args.out.clone().unwrap_or_else(|| folder::fresh(&recipe.name));
    if out.symlink_metadata().is_ok() {
        return Err(Error::FolderExists(out)).bad_input();
    }
    let mut session = Session::open(model::device(&args.device)?, args.quiet)?;
    let result = tutoring::train(&recipe, &out, &session.machine, &mut session.progress, &session.stop);
    conclude(session, result, &out)
}

/// An interrupted run goes on.
pub(crate) fn resume(source: &Source, run: &Path, args: &args::Train) -> Result<ExitCode, Failure> {
    // It may have been edited, and here a mistake is told with its line.
    source.read_tutor(args).bad_input()?;
    let device = device_recorded(tutoring::device_of_run(run), args)?;
    let mut session = Session::open(device, args.quiet)?;
    // An optimizer's state is restored on the device that burn itself prefers.
    grpo_device::check_burn_default(&session.machine.device).bad_input()?;
    let result = tutoring::resume(run, &session.machine, &mut session.progress, &session.stop);
    conclude(session, result, run)
}

fn conclude(
    mut session: Session,
    result: Result<TutorEnding, Error>,
    run: &Path,
) -> Result<ExitCode, Failure> {
    session.progress.close();
    match result {
        Ok(TutorEnding::Finished(summary, examination)) => {
            let text = result_text(&summary, &examination, run);
            io::stdout().write_all(text.as_bytes()).while_running()?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(TutorEnding::Interrupted(summary)) => Ok(session.interrupted(summary.steps, run)),
        Err(error) => session.failed(error, run),
    }
}

/// The result: everybody who taught the same learners, and what the training took.
fn result_text(summary: &TutorSummary, examination: &Examination, run: &Path) -> String {
    let mut rows = vec![vec![
        "tutor".to_string(),
        "worth".into(),
        "95 % interval".into(),
        "this tutor's lead".into(),
        String::new(),
    ]];
    let around = |interval: Interval| format!("± {:.3}", interval.half_width);
    for tutor in &examination.tutors {
        let lead = |lead: Interval| format!("{:+.3} {}", lead.mean, around(lead));
        let note = if tutor.role == Role::Reference { "looks inside of the learner" } else { "" };
        rows.push(vec![
            tutor.name.clone(),
            format!("{:.3}", tutor.worth.mean),
            around(tutor.worth),
            tutor.ahead.map(lead).unwrap_or_default(),
            note.into(),
        ]);
    }
    let memory = summary.peak_rss_bytes.map(|b| format!(", {} of memory", bytes(b))).unwrap_or_default();
    format!(
        "\n{}\nworth: {}; {} that nobody taught in training\n{}, {}; {}{memory}; {}, seed {}\n\nreport  {}\n",
        table::aligned(&rows, &[4]),
        examination.measure,
        count(examination.learners, "learner", "learners"),
        count(summary.sessions, "session", "sessions"),
        thousands(summary.environment_steps as usize) + " choices",
        duration(summary.seconds),
        summary.device,
        summary.seed,
        run.join("report.html").display(),
    )
}
