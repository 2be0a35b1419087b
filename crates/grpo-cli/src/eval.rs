use crate::failure::{Classify, Failure};
use crate::words::{count, percent, thousands};
use crate::{args, hub, model, table};
use anyhow::{Context, anyhow};
use grpo_edu::{Arithmetic, ArithmeticConfig};
use grpo_lm::LanguageModel;
use grpo_rewards::{RewardKind, RewardSpec};
use grpo_rollout::{FinishReason, Sampling};
use grpo_train::{
    Accuracy, Answer, BankConfig, CsvConfig, DataConfig, JsonlConfig, Metric, Question, Questions, Recipe,
    Workers, answer,
};
use indicatif::ProgressBar;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Generated questions, where nothing else is said.
const DEFAULT_QUESTIONS: usize = 512;

/// New tokens, where neither the person, the run nor the context says less.
const DEFAULT_TOKENS: usize = 256;

/// Questions between two ticks of the bar.
const QUESTIONS_AT_ONCE: usize = 256;

/// Examples shown of right and of wrong answers each.
const EXAMPLES: usize = 2;

/// `grpo eval`.
pub(crate) fn run(args: &args::Eval) -> Result<ExitCode, Failure> {
    let folder = model::ModelFolder::find(&args.model).bad_input()?;
    let recipe = folder.recipe();
    let device = model::device(&args.device)?;
    let model = folder.load(&args.asking, &device)?;
    let exam = Exam::new(args, recipe.as_ref(), &model).bad_input()?;
    let result = exam.ask(&model).while_running()?;

    let mut text =
        format!("model      {} ({} parameters)\n", folder.path().display(), thousands(model.parameters()));
    let _ = writeln!(text, "questions  {} of {}", thousands(exam.questions.len()), exam.source);
    let _ = writeln!(
        text,
        "metric     {}, greedy, at most {} tokens",
        exam.metric_name, exam.sampling.max_new_tokens
    );
    let _ = writeln!(text, "accuracy   {}{}", percent(result.accuracy), right_of(&result.answers));
    let cut = result.answers.iter().filter(|a| a.finish == Some(FinishReason::Truncated)).count();
    for note in [
        (result.too_long, "too long for the model's context; they count as wrong"),
        (exam.without_answer, "without a final answer; they count as wrong"),
        (cut, "answered with the largest number of tokens and cut off there"),
        (result.failures(), "the metric failed to judge; they don't count"),
    ]
    .iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("           {} {what}\n", count(*n, "question", "questions")))
    {
        text.push_str(&note);
    }
    text.push_str(&examples(&exam.questions, &result.answers));
    io::stdout().write_all(text.as_bytes()).while_running()?;
    Ok(ExitCode::SUCCESS)
}

/// What is asked, and how answers are judged.
struct Exam {
    questions: Vec<Question>,
    source: String,
    metric: Metric,
    metric_name: String,
    /// How long answers may be, and what ends them.
    sampling: Sampling,
    /// Questions that can't be answered rightly since nobody says what is right.
    without_answer: usize,
}

impl Exam {
    fn new(args: &args::Eval, recipe: Option<&Recipe>, model: &LanguageModel) -> anyhow::Result<Self> {
        if args.questions == Some(0) || args.max_new_tokens == Some(0) {
            return Err(anyhow!("--questions and --max-new-tokens must be at least 1"));
        }
        let own = args.data.is_none();
        let (mut questions, source) = match (&args.data, recipe) {
            (Some(data), _) if data.as_os_str() == "arithmetic" && !data.is_file() => {
                arithmetic(args, recipe)?
            }
            (Some(path), _) if hub::is_hub_name(&path.to_string_lossy()) => {
                let name = path.to_string_lossy();
                let file = hub::data_file(&name.parse()?, hub::Show::Stderr)?;
                (from_file(&file, args, recipe)?, name.into_owned())
            }
            (Some(path), _) => (from_file(path, args, recipe)?, path.display().to_string()),
            (None, Some(recipe)) if recipe.data.file().is_some() => held_out_of_file(recipe)?,
            (None, Some(_)) => arithmetic(args, recipe)?,
            (None, None) if knows_arithmetic(model)? => arithmetic(args, None)?,
            (None, None) => {
                return Err(anyhow!(
                    "say what to ask this model: --data FILE.jsonl with a question and its final answer in every line, or \
                     --data arithmetic"
                ));
            }
        };
        questions.truncate(args.questions.unwrap_or(usize::MAX));

        let metric = match (args.metric, recipe.map(|r| &r.evaluation.metric)) {
            (Some(args::MetricName::FinalText), _) => Metric::FinalText,
            (Some(args::MetricName::Number), _) => number(),
            (None, Some(metric)) if own => metric.clone(),
            (None, Some(metric @ Metric::Score(_))) => metric.clone(),
            (None, _) if questions.iter().all(|question| question.item.is_some()) => {
                Metric::Score(RewardSpec::new(RewardKind::ItemScore(Default::default())))
            }
            (None, _) => number(),
        };
        let context = model.config().max_position_embeddings;
        let by_default = recipe.map_or(DEFAULT_TOKENS, |r| r.sampling.max_new_tokens).min(context / 2).max(1);
        let max_new_tokens = args.max_new_tokens.unwrap_or(by_default);
        let of_run = recipe.map(|r| r.sampling.clone()).unwrap_or_default();
        let mut exam = Self {
            metric_name: name(&metric),
            sampling: Sampling {
                min_new_tokens: of_run.min_new_tokens.min(max_new_tokens),
                max_new_tokens,
                ..of_run
            },
            without_answer: 0,
            questions,
            source,
            metric,
        };
        exam.check_answers(args)?;
        Ok(exam)
    }

    /// Puts the questions to the model; on a terminal, a bar shows how far it is.
    fn ask(&self, model: &LanguageModel) -> Result<Accuracy, grpo_train::Error> {
        let bar = match io::stderr().is_terminal() {
            true => ProgressBar::new(self.questions.len() as u64),
            false => ProgressBar::hidden(),
        };
        bar.tick();
        let workers = Workers::fitting(grpo_device::workers(&model.decoder().device()), model.parameters())?;
        let (mut answers, mut too_long) = (Vec::new(), 0);
        for questions in self.questions.chunks(QUESTIONS_AT_ONCE) {
            let (part, long) = answer(model, questions, &self.sampling, &self.metric, &workers)?;
            bar.inc(questions.len() as u64);
            answers.extend(part);
            too_long += long;
        }
        bar.finish_and_clear();
        Accuracy::of(answers, too_long)
    }

    fn check_answers(&mut self, args: &args::Eval) -> anyhow::Result<()> {
        let lacks = |question: &Question| match &self.metric {
            Metric::FinalText => question.reference.is_none(),
            Metric::Score(spec) => spec.kind.needs_reference() && !question.has_reference(&spec.kind),
        };
        self.without_answer = self.questions.iter().filter(|question| lacks(question)).count();
        if self.without_answer == self.questions.len() {
            return Err(anyhow!(
                "{}: no line has a final answer in `{}`; name its field with --final-field",
                self.source,
                args.final_field
            ));
        }
        Ok(())
    }
}

fn number() -> Metric {
    Metric::Score(RewardSpec::new(RewardKind::Number(Default::default())))
}

fn name(metric: &Metric) -> String {
    match metric {
        Metric::FinalText => "final text".into(),
        Metric::Score(spec) => spec.name().replace('_', " "),
    }
}

/// Held-out questions of the generator: those of the model's run unless something else is asked for.
fn arithmetic(args: &args::Eval, recipe: Option<&Recipe>) -> anyhow::Result<(Vec<Question>, String)> {
    let config = match recipe.map(|r| &r.data) {
        Some(DataConfig::Arithmetic(config)) => config.clone(),
        _ => ArithmeticConfig::default(),
    };
    let seed = args.seed.or(recipe.map(|r| r.seed)).unwrap_or(1);
    let count = args.questions.or(recipe.map(|r| r.evaluation.questions)).unwrap_or(DEFAULT_QUESTIONS);
    let questions = Questions::open(&DataConfig::Arithmetic(config), seed, 0, count)?;
    Ok((questions.held_out().to_vec(), format!("the generator `arithmetic`, held out, seed {seed}")))
}

/// Whether the tokenizer has every word of the generated questions (numbers may be spelt in parts).
fn knows_arithmetic(model: &LanguageModel) -> anyhow::Result<bool> {
    let words = Arithmetic::new(ArithmeticConfig::default(), 1)?.vocabulary();
    let mut names = words.iter().filter(|word| word.chars().all(char::is_alphabetic));
    Ok(names.all(|word| model.tokenizer().id(word).is_some()))
}

fn held_out_of_file(recipe: &Recipe) -> anyhow::Result<(Vec<Question>, String)> {
    let questions = Questions::open(&recipe.data, recipe.seed, 0, recipe.evaluation.questions)
        .context("the questions of the model's run can't be read; name others with --data")?;
    let path = recipe.data.file().map(|file| file.held_out.unwrap_or(file.path).display().to_string());
    Ok((questions.held_out().to_vec(), format!("{}, held out", path.unwrap_or_default())))
}

/// All questions of a file, in the format that its name says.
fn from_file(path: &Path, args: &args::Eval, recipe: Option<&Recipe>) -> anyhow::Result<Vec<Question>> {
    let format = args.format.unwrap_or_else(|| args::DataFormat::of(path));
    // As the model's run read files of this format, but for what is said here.
    let own = recipe.map(|recipe| recipe.data.clone());
    let mut config = match (format, own) {
        (args::DataFormat::Jsonl, Some(DataConfig::Jsonl(own))) => {
            // The fields are said here; the file's own prompt is not.
            DataConfig::Jsonl(JsonlConfig { prompt: own.prompt, ..JsonlConfig::new(path) })
        }
        (args::DataFormat::Jsonl, _) => DataConfig::Jsonl(JsonlConfig::new(path)),
        (args::DataFormat::Csv, Some(own @ DataConfig::Csv(_)))
        | (args::DataFormat::Gift, Some(own @ DataConfig::Gift(_)))
        | (args::DataFormat::Qti, Some(own @ DataConfig::Qti(_))) => own,
        (args::DataFormat::Csv, _) => DataConfig::Csv(CsvConfig::new(path)),
        (args::DataFormat::Gift, _) => DataConfig::Gift(BankConfig::new(path)),
        (args::DataFormat::Qti, _) => DataConfig::Qti(BankConfig::new(path)),
    };
    let prompt = match &mut config {
        DataConfig::Arithmetic(_) => return Err(anyhow!("{} is no file of questions", path.display())),
        DataConfig::Jsonl(config) => {
            config.question.clone_from(&args.question_field);
            config.r#final.clone_from(&args.final_field);
            config.path = path.into();
            &mut config.prompt
        }
        DataConfig::Csv(config) => {
            config.path = path.into();
            &mut config.prompt
        }
        DataConfig::Gift(config) | DataConfig::Qti(config) => {
            config.path = path.into();
            &mut config.prompt
        }
    };
    if let Some(template) = &args.prompt_template {
        if !template.contains("{question}") {
            return Err(anyhow!("--prompt-template {template:?} must contain {{question}}"));
        }
        prompt.clone_from(template);
    }
    let (mut questions, notes) = Questions::read(&config).context("--data")?;
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    for question in questions.iter_mut().filter(|q| q.reference.is_none()) {
        // GSM8K's own files have the final answer at the end of the worked solution.
        let last = question.solution.as_deref().and_then(|s| s.rsplit_once("####"));
        question.reference = last.map(|(_, answer)| answer.trim().to_string());
    }
    Ok(questions)
}

/// `(473 of 512)`, for a metric that knows only right and wrong.
fn right_of(answers: &[Answer]) -> String {
    let judged = || answers.iter().filter(|a| !a.failed);
    let whole = judged().all(|a| a.score == 0.0 || a.score == 1.0);
    let right = judged().filter(|a| a.score == 1.0).count();
    if whole { format!(" ({} of {})", thousands(right), thousands(judged().count())) } else { String::new() }
}

/// A few answers, the good ones first.
fn examples(questions: &[Question], answers: &[Answer]) -> String {
    let asked = || questions.iter().zip(answers).filter(|(_, answer)| answer.finish.is_some());
    let right = asked().filter(|(_, answer)| answer.score >= 0.5).take(EXAMPLES);
    let wrong = asked().filter(|(_, answer)| answer.score < 0.5).take(EXAMPLES);
    let mut rows = Vec::new();
    for (question, answer) in right.chain(wrong) {
        let mut row = |name: &str, text: &str| rows.push(vec![name.to_string(), one_line(text)]);
        row("question", &question.prompt);
        row("answer", &answer.completion);
        if let Some(reference) = &question.reference {
            row("expected", reference);
        }
        row("score", &format!("{}: {}", answer.score, answer.reason));
        rows.push(Vec::new());
    }
    rows.pop();
    if rows.is_empty() { String::new() } else { format!("\n{}", table::aligned(&rows, &[1])) }
}

/// A text on one line of at most 160 characters.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
