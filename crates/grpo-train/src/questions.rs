use crate::{DataConfig, Error, JsonlConfig, Stage};
use grpo_edu::{Arithmetic, Split};
use grpo_rollout::Streams;
use rand_chacha::rand_core::RngCore;
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

/// One question as it goes into a rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What the policy reads.
    pub prompt: String,
    /// The final answer, where there is one.
    pub reference: Option<String>,
    /// A worked solution, where there is one.
    pub solution: Option<String>,
    /// How hard it is, from 0 to 1, where the data say so.
    pub difficulty: Option<f64>,
}

/// The questions of a run: an endless, seeded order for training, and fixed sets that training never sees.
#[derive(Debug)]
pub struct Questions {
    train: Source,
    validation: Vec<Question>,
    held_out: Vec<Question>,
}

#[derive(Debug)]
enum Source {
    Generator(Arithmetic),
    List { questions: Vec<Question>, seed: u64 },
}

impl Questions {
    /// Opens the data of a recipe.
    ///
    /// # Errors
    /// Names the file and line of what can't be used.
    pub fn open(config: &DataConfig, seed: u64, validation: usize, held_out: usize) -> Result<Self, Error> {
        match config {
            DataConfig::Arithmetic(config) => {
                let arithmetic = Arithmetic::new(config.clone(), seed)?;
                let take = |split, count| -> Result<Vec<Question>, Error> {
                    Ok(arithmetic.distinct(split, count)?.into_iter().map(Question::from).collect())
                };
                Ok(Self {
                    validation: take(Split::Validation, validation)?,
                    held_out: take(Split::HeldOut, held_out)?,
                    train: Source::Generator(arithmetic),
                })
            }
            DataConfig::Jsonl(config) => Self::open_jsonl(config, seed, validation, held_out),
        }
    }

    fn open_jsonl(
        config: &JsonlConfig,
        seed: u64,
        validation: usize,
        held_out: usize,
    ) -> Result<Self, Error> {
        let all = read_jsonl(&config.path, config)?;
        let (mut train, mut test): (Vec<_>, Vec<_>) = match &config.held_out {
            Some(path) => (all, read_jsonl(path, config)?),
            None => all.into_iter().partition(|q| !is_held_out(&q.prompt, config.held_out_share)),
        };
        if test.is_empty() && train.len() > 1 {
            test.push(train.remove(0));
        }
        let asked: HashSet<&str> = test.iter().map(|q| q.prompt.as_str()).collect();
        train.retain(|q| !asked.contains(q.prompt.as_str()));
        for (set, what) in [(&train, "training"), (&test, "held-out")] {
            if set.is_empty() {
                return Err(Error::NoQuestions {
                    what: format!("the {what} part of {}", config.path.display()),
                    fix: "give a larger file, another `data.held_out_share`, or a file in `data.held_out`"
                        .into(),
                });
            }
        }
        // Validation steers the training, so it must not be the held-out set: the end of the training file serves.
        let validation = validation.min(train.len() / 5);
        let validation = train.split_off(train.len() - validation);
        test.truncate(held_out);
        Ok(Self { train: Source::List { questions: train, seed }, validation, held_out: test })
    }

    /// The training questions that step `step` of GRPO may choose from, where it asks `count`: those of [`Questions::batch`], and as many of the
    /// ones after them as there are to be, none twice.
    pub(crate) fn pool(&self, step: usize, count: usize, most: usize) -> Vec<Question> {
        let mut pool = self.train.slots((1 << 40) + step as u64 * count as u64, most.max(count));
        let mut seen = HashSet::new();
        let mut place = 0;
        pool.retain(|question| {
            place += 1;
            seen.insert(question.prompt.clone()) || place <= count
        });
        pool
    }

    /// `count` training questions of one step of a stage. A pure function of its arguments: nothing to save, nothing to
    /// restore. Stages have orders of their own.
    pub fn batch(&self, stage: Stage, step: usize, count: usize) -> Vec<Question> {
        let offset = match stage {
            Stage::Imitation => 0,
            Stage::Grpo | Stage::Sessions => 1 << 40,
        };
        self.train.slots(offset + step as u64 * count as u64, count)
    }

    /// The training questions that can be looked at beforehand: all of a list, the first 512 of a generator.
    pub fn training_sample(&self) -> Vec<Question> {
        match &self.train {
            Source::Generator(_) => self.batch(Stage::Grpo, 0, 512),
            Source::List { questions, .. } => questions.clone(),
        }
    }

    /// Questions for choices made while training.
    pub fn validation(&self) -> &[Question] {
        &self.validation
    }

    /// Questions for the numbers that are reported.
    pub fn held_out(&self) -> &[Question] {
        &self.held_out
    }

    /// Every token that questions and solutions can contain, where that is known.
    pub fn vocabulary(&self) -> Option<Vec<String>> {
        match &self.train {
            Source::Generator(arithmetic) => Some(arithmetic.vocabulary()),
            Source::List { .. } => None,
        }
    }

    /// Number of different training questions, where that is known.
    pub fn train_len(&self) -> Option<usize> {
        match &self.train {
            Source::Generator(_) => None,
            Source::List { questions, .. } => Some(questions.len()),
        }
    }
}

impl Source {
    /// The questions in places `first..first + count` of the endless order.
    fn slots(&self, first: u64, count: usize) -> Vec<Question> {
        let slots = first..first + count as u64;
        match self {
            // Nine of ten generated questions belong to training: each slot owns 32 numbers and takes the first that
            // does. All 32 miss once in 10^32 slots; the search then goes on into the next slot's numbers.
            Self::Generator(arithmetic) => slots
                .filter_map(|slot| {
                    (slot * 32..)
                        .map(|index| arithmetic.problem(index))
                        .find(|problem| Split::of(&problem.question) == Split::Train)
                        .map(Question::from)
                })
                .collect(),
            // Every epoch is a permutation of its own.
            Self::List { questions, seed } => {
                let n = questions.len() as u64;
                let mut current = None;
                slots
                    .map(|slot| {
                        let epoch = slot / n;
                        let (_, order) = match current.take() {
                            Some((of, order)) if of == epoch => current.insert((of, order)),
                            _ => current.insert((epoch, permutation(questions.len(), *seed, epoch))),
                        };
                        questions[order[(slot % n) as usize]].clone()
                    })
                    .collect()
            }
        }
    }
}

/// Fisher–Yates on a counter-based stream.
fn permutation(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut rng = Streams::new(seed).stream(epoch, u64::MAX, 0);
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
    }
    order
}

/// FNV-1a: a hash that is the same everywhere and for ever.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Whether a question is held out: by a stable hash of its text, so that it stays so when the file grows.
fn is_held_out(text: &str, share: f64) -> bool {
    let hash = fnv(text);
    // FNV's high bits hardly depend on the last characters: mix them (the finaliser of MurmurHash3).
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    let hash = hash ^ (hash >> 33);
    ((hash >> 11) as f64 / (1u64 << 53) as f64) < share
}

impl From<grpo_edu::Problem> for Question {
    fn from(problem: grpo_edu::Problem) -> Self {
        Self {
            prompt: problem.question,
            reference: Some(problem.answer.to_string()),
            solution: Some(problem.solution),
            difficulty: None,
        }
    }
}

/// Reads a JSON Lines file. Empty lines are passed over.
///
/// # Errors
/// [`Error::Data`] with the line for malformed JSON or a missing question, [`Error::NoQuestions`] for an empty file.
pub fn read_jsonl(path: &Path, config: &JsonlConfig) -> Result<Vec<Question>, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let mut questions = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let refuse = |problem: String| Error::Data { path: path.into(), line: index + 1, problem };
        let row: Value = serde_json::from_str(line)
            .map_err(|e| refuse(format!("not a JSON object ({e}); every line must be one")))?;
        let fields =
            row.as_object().ok_or_else(|| refuse("not a JSON object; every line must be one".into()))?;
        let text = |field: &str| match fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(refuse(format!("`{field}` must be a text or a number"))),
        };
        let question = text(&config.question)?.filter(|q| !q.trim().is_empty()).ok_or_else(|| {
            let known: Vec<&str> = fields.keys().map(String::as_str).collect();
            refuse(format!(
                "`{}` is missing or empty; the fields are {}. Name the right one in `data.question`",
                config.question,
                known.join(", ")
            ))
        })?;
        questions.push(Question {
            prompt: config.prompt.replace("{question}", &question),
            reference: text(&config.r#final)?,
            solution: text(&config.solution)?,
            difficulty: difficulty(fields.get(&config.difficulty)).map_err(|found| {
                refuse(format!(
                    "`{}` is {found}; a difficulty is a number from 0 (easy) to 1 (hard). Leave it out, or name another field in \
                     `data.difficulty`",
                    config.difficulty
                ))
            })?,
        });
    }
    if questions.is_empty() {
        return Err(Error::NoQuestions {
            what: path.display().to_string(),
            fix: "give a file with one JSON object a line".into(),
        });
    }
    Ok(questions)
}

/// A number from 0 to 1, where there is one; else what was found.
fn difficulty(value: Option<&Value>) -> Result<Option<f64>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|number| (0.0..=1.0).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(value.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grpo_edu::ArithmeticConfig;

    fn list(n: usize) -> Questions {
        let question =
            |i: usize| Question { prompt: i.to_string(), reference: None, solution: None, difficulty: None };
        let train = Source::List { questions: (0..n).map(question).collect(), seed: 3 };
        Questions { train, validation: Vec::new(), held_out: Vec::new() }
    }

    #[test]
    fn every_epoch_asks_every_question_once_however_it_is_cut() {
        let questions = list(7);
        let flat: Vec<Question> = (0..7).flat_map(|step| questions.batch(Stage::Grpo, step, 3)).collect();
        let whole = questions.train.slots(1 << 40, 21);
        assert_eq!(flat, whole);
        // The stage's first slot is somewhere within an epoch.
        let start = (7 - (1u64 << 40) % 7) as usize % 7;
        for epoch in whole[start..].chunks_exact(7) {
            assert_eq!(epoch.iter().map(|q| &q.prompt).collect::<HashSet<_>>().len(), 7);
        }
        assert_ne!(whole[start..start + 7], whole[start + 7..start + 14]);
    }

    #[test]
    fn held_out_questions_are_spread_over_similar_ones() {
        for text in ["Question {}", "{}", "What is 12+{}?"] {
            let share = |range: std::ops::Range<usize>| {
                let n = range.len() as f64;
                range.filter(|i| is_held_out(&text.replace("{}", &i.to_string()), 0.1)).count() as f64 / n
            };
            assert!((share(0..2000) - 0.1).abs() < 0.03, "{text}: {}", share(0..2000));
            assert!((0..20).filter(|k| share(k * 100..k * 100 + 100) == 0.0).count() < 3, "{text}");
        }
    }

    #[test]
    fn what_is_held_out_is_not_trained_on() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, questions: std::ops::Range<usize>| {
            let path = folder.path().join(name);
            let lines: Vec<String> =
                questions.map(|i| format!("{{\"question\": \"q{i}\", \"final\": {i}}}")).collect();
            std::fs::write(&path, lines.join("\n")).unwrap();
            path
        };
        let mut config = JsonlConfig::new(write("train.jsonl", 0..40));
        config.held_out = Some(write("test.jsonl", 30..50));
        let questions = Questions::open(&DataConfig::Jsonl(config.clone()), 1, 0, 100).unwrap();
        assert_eq!((questions.train_len(), questions.held_out().len()), (Some(30), 20));
        config.held_out = Some(config.path.clone());
        assert!(matches!(
            Questions::open(&DataConfig::Jsonl(config), 1, 0, 100),
            Err(Error::NoQuestions { .. })
        ));
    }

    #[test]
    fn generated_sets_are_disjoint() {
        let config = DataConfig::Arithmetic(ArithmeticConfig::default());
        let questions = Questions::open(&config, 1, 200, 500).unwrap();
        let set = |q: &[Question]| q.iter().map(|q| q.prompt.clone()).collect::<HashSet<_>>();
        let (held_out, validation) = (set(questions.held_out()), set(questions.validation()));
        assert_eq!((held_out.len(), validation.len()), (500, 200));
        let train: Vec<Question> = (0..50)
            .flat_map(|s| [Stage::Imitation, Stage::Grpo].map(|stage| questions.batch(stage, s, 32)))
            .flatten()
            .collect();
        assert!(train.iter().all(|q| !held_out.contains(&q.prompt) && !validation.contains(&q.prompt)));
        assert!(held_out.is_disjoint(&validation));
    }
}
