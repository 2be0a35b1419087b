//! `grpo edu fit`: knowledge models of a log of answers.

use crate::failure::{Classify, Failure};
use crate::words::{command, count, duration, thousands};
use crate::{args, table};
use anyhow::anyhow;
use grpo_edu::knowledge::{Bkt, BktReport, Columns, Irt, IrtReport, KnowledgeModel, ResponseLog};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Below this many answers of one learner to a skill, the answers don't determine its parameters.
const DETERMINED: usize = 3;

/// `grpo edu fit`.
pub(super) fn fit(args: &args::EduFit) -> Result<ExitCode, Failure> {
    if let Some(out) = args.out.as_deref().filter(|out| out.exists()) {
        // Said before a long fit, not after it.
        return Err(anyhow!("{} exists; choose another name for --out or remove it", out.display()))
            .bad_input();
    }
    let columns = Columns {
        learner: args.learner_column.clone(),
        skill: args.skill_column.clone(),
        correct: args.correct_column.clone(),
        item: args.item_column.clone(),
    };
    let log = ResponseLog::from_file(&args.log, &columns).bad_input()?;
    let start = Instant::now();
    let model = KnowledgeModel::fit(&log, args.model, args.seed).bad_input()?;
    let seconds = start.elapsed().as_secs_f64();

    let mut text = summary(args, &log);
    text.push_str(&match &model {
        KnowledgeModel::Bkt(model) => bkt(model, seconds),
        KnowledgeModel::Irt(model) => irt(model, seconds),
    });
    io::stdout().write_all(text.as_bytes()).while_running()?;
    if let Some(out) = &args.out {
        model.save(out).while_running()?;
    }
    io::stdout().write_all(next(args, &model).as_bytes()).while_running()?;
    Ok(ExitCode::SUCCESS)
}

/// What was read.
fn summary(args: &args::EduFit, log: &ResponseLog) -> String {
    let mut text = format!(
        "log             {}: {} by {} to {} of {}\n",
        args.log.display(),
        count(log.len(), "answer", "answers"),
        count(log.learners().len(), "learner", "learners"),
        count(log.items().len(), "item", "items"),
        count(log.skills().len(), "skill", "skills"),
    );
    if log.skipped() > 0 {
        let _ = writeln!(
            text,
            "                {} skipped: voided, or not an answer that is right or wrong",
            count(log.skipped(), "statement was", "statements were")
        );
    }
    text
}

/// How good the fit is, in the lines that all models share.
fn criteria(log_likelihood: f64, parameters: usize, aic: f64, bic: f64) -> String {
    format!(
        "log-likelihood  {log_likelihood:.3} with {}\nAIC, BIC        {aic:.1}, {bic:.1}\n",
        count(parameters, "parameter", "parameters")
    )
}

fn took(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.2} s") } else { duration(seconds) }
}

fn bkt(model: &Bkt, seconds: f64) -> String {
    let mut text = String::new();
    let report = model.report();
    if let Some(report) = report {
        text.push_str(&criteria(report.log_likelihood, report.parameters, report.aic, report.bic));
    }
    let _ = writeln!(text, "took            {}\n", took(seconds));
    let head = ["skill", "prior", "learn", "guess", "slip", "answers", "learners"];
    let mut rows = vec![head.map(String::from).to_vec()];
    for (number, skill) in model.skills().iter().enumerate() {
        let mut row = vec![skill.name.clone()];
        row.extend([skill.prior, skill.learn, skill.guess, skill.slip].map(|p| format!("{p:.4}")));
        let of_skill = report.and_then(|report| report.skills.get(number));
        row.extend(of_skill.map(|s| thousands(s.responses)));
        row.extend(of_skill.map(|s| thousands(s.learners)));
        rows.push(row);
    }
    text.push_str(&table::aligned(&rows, &[]));
    text.push_str(&report.map_or_else(String::new, |report| bkt_notes(model, report)));
    text
}

/// What a person should know before trusting the numbers.
fn bkt_notes(model: &Bkt, report: &BktReport) -> String {
    let mut text = String::new();
    let skills = || model.skills().iter().zip(&report.skills);
    let mut note = |names: Vec<&str>, what: &str| {
        if !names.is_empty() {
            let _ = write!(text, "\nnote: {}: {what}\n", names.join(", "));
        }
    };
    let short = skills().filter(|(_, r)| r.longest < DETERMINED).map(|(s, _)| s.name.as_str()).collect();
    note(
        short,
        "no learner answered three times or more, so other parameters would explain the answers as well",
    );
    let swapped =
        skills().filter(|(s, _)| s.guess > 0.5 || s.slip > 0.5).map(|(s, _)| s.name.as_str()).collect();
    note(swapped, "guess or slip exceeds 0.5, so `known` hardly means what the word says");
    let stopped = skills().filter(|(_, r)| !r.converged).map(|(s, _)| s.name.as_str()).collect();
    note(stopped, "the likelihood was still rising when the iterations were used up");
    text
}

fn irt(model: &Irt, seconds: f64) -> String {
    let mut text = String::new();
    let report = model.report();
    if let Some(report) = report {
        text.push_str(&criteria(report.log_likelihood, report.parameters, report.aic, report.bic));
    }
    let iterations =
        report.map_or_else(String::new, |r| format!(", {}", count(r.iterations, "iteration", "iterations")));
    let _ = writeln!(text, "took            {}{iterations}\n", took(seconds));
    let head = ["item", "discrimination", "difficulty", "guess", "answers"];
    let mut rows = vec![head.map(String::from).to_vec()];
    for (number, item) in model.items().iter().enumerate() {
        let mut row = vec![item.name.clone()];
        row.extend([item.discrimination, item.difficulty, item.guess].map(|x| format!("{x:.4}")));
        let answers = report.and_then(|report| report.item_responses.get(number));
        row.extend(answers.map(|n| thousands(*n)));
        rows.push(row);
    }
    text.push_str(&table::aligned(&rows, &[]));
    text.push_str(&report.map_or_else(String::new, |report| irt_notes(model, report)));
    text
}

fn irt_notes(model: &Irt, report: &IrtReport) -> String {
    let mut text = String::new();
    let turned = model.items().iter().filter(|item| item.discrimination < 0.0);
    let turned: Vec<&str> = turned.map(|item| item.name.as_str()).collect();
    if !turned.is_empty() {
        let what =
            "the more able answer wrongly more often (negative discrimination): check what counts as right";
        let _ = write!(text, "\nnote: {}: {what}\n", turned.join(", "));
    }
    if !report.left_out.is_empty() {
        let _ = write!(
            text,
            "\nnote: left out, since no finite difficulty fits an item that all answer rightly or all wrongly: {}\n",
            report.left_out.join(", ")
        );
    }
    if report.repeated > 0 {
        let _ = write!(
            text,
            "\nnote: {} to an item that the learner had answered before; the first counts\n",
            count(report.repeated, "answer was", "answers were")
        );
    }
    if !report.converged {
        text.push_str("\nnote: the likelihood was still rising when the iterations were used up\n");
    }
    text
}

/// What to do with the model.
fn next(args: &args::EduFit, model: &KnowledgeModel) -> String {
    let Some(out) = &args.out else {
        return "\nNothing was written; --out FILE.json keeps the model.\n".into();
    };
    let recipe = match model {
        KnowledgeModel::Bkt(_) => "recipes/tutor-bkt.toml",
        KnowledgeModel::Irt(_) => "recipes/tutor-irt.toml",
    };
    format!("\nmodel           {}\n\nTrain a tutor on it:\n  {}\n", out.display(), train(recipe, out))
}

fn train(recipe: &str, model: &Path) -> String {
    command(&["train", recipe, "--set", &format!("environment.path={}", model.display())])
}
