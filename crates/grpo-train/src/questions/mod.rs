//! Where questions come from, in which order they are asked, and which are never trained on.

mod bank;
mod jsonl;

pub use bank::{Bank, BankQuestion, bank_items};
use jsonl::read_jsonl;

use crate::{DataConfig, Error, Stage};
use grpo_edu::{Arithmetic, Split};
use grpo_lm::Tokenizer;
use grpo_rollout::Streams;
use rand_chacha::rand_core::RngCore;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

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
    /// The item of a question bank, which judges its own answers.
    pub item: Option<BankQuestion>,
    /// All fields of its row, for rewards that need more than a final answer.
    pub fields: Option<Arc<Map<String, Value>>>,
}

impl Question {
    /// A question without anything beside it.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            reference: None,
            solution: None,
            difficulty: None,
            item: None,
            fields: None,
        }
    }
}

/// The questions of a run: an endless, seeded order for training, and fixed sets that training never sees.
#[derive(Debug)]
pub struct Questions {
    train: Source,
    validation: Vec<Question>,
    held_out: Vec<Question>,
    notes: Vec<String>,
}

/// What a file holds.
#[derive(Debug, Default)]
struct Contents {
    questions: Vec<Question>,
    /// What of it can't be asked, and why.
    notes: Vec<String>,
}

impl Contents {
    fn read(config: &DataConfig, path: &Path) -> Result<Self, Error> {
        match config {
            DataConfig::Arithmetic(_) => Err(no_file()),
            DataConfig::Jsonl(config) => Ok(Self { questions: read_jsonl(path, config)?, notes: Vec::new() }),
            DataConfig::Csv(bank) => bank::read(config, path, bank.style, &bank.prompt),
            DataConfig::Gift(bank) | DataConfig::Qti(bank) => {
                bank::read(config, path, bank.style, &bank.prompt)
            }
        }
    }
}

fn no_file() -> Error {
    Error::setting("data.format", "is \"arithmetic\", which has no file", "use another format")
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
                    notes: Vec::new(),
                })
            }
            config => Self::open_files(config, seed, validation, held_out),
        }
    }

    /// Questions of one file, or of one to train on and one to evaluate on.
    fn open_files(config: &DataConfig, seed: u64, validation: usize, held_out: usize) -> Result<Self, Error> {
        let file = config.file().ok_or_else(no_file)?;
        let Contents { questions: all, mut notes } = Contents::read(config, file.path)?;
        let (mut train, mut test): (Vec<_>, Vec<_>) = match file.held_out {
            Some(path) => {
                let Contents { questions, notes: more } = Contents::read(config, path)?;
                notes.extend(more);
                (all, questions)
            }
            None => all.into_iter().partition(|q| !is_held_out(&q.prompt, file.held_out_share)),
        };
        if test.is_empty() && train.len() > 1 {
            test.push(train.remove(0));
        }
        let asked: HashSet<&str> = test.iter().map(|q| q.prompt.as_str()).collect();
        train.retain(|q| !asked.contains(q.prompt.as_str()));
        for (set, what) in [(&train, "training"), (&test, "held-out")] {
            if set.is_empty() {
                return Err(Error::NoQuestions {
                    what: format!("the {what} part of {}", file.path.display()),
                    fix: "give a larger file, another `data.held_out_share`, or a file in `data.held_out`"
                        .into(),
                });
            }
        }
        // Validation steers the training, so it must not be the held-out set: the end of the training file serves.
        let validation = validation.min(train.len() / 5);
        let validation = train.split_off(train.len() - validation);
        test.truncate(held_out);
        Ok(Self { train: Source::List { questions: train, seed }, validation, held_out: test, notes })
    }

    /// Every question of the data's file (the one to train on), with what of it can't be asked, and why.
    ///
    /// # Errors
    /// Names the file and place of what can't be used; [`Error::Setting`] for data without a file.
    pub fn read(config: &DataConfig) -> Result<(Vec<Question>, Vec<String>), Error> {
        let Contents { questions, notes } = Contents::read(config, config.file().ok_or_else(no_file)?.path)?;
        Ok((questions, notes))
    }

    /// What of the data can't be asked, and why.
    pub fn notes(&self) -> &[String] {
        &self.notes
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

    /// Every word that questions and solutions can contain, in an order of its own: of a file, the words of all its texts.
    ///
    /// # Errors
    /// When the texts can't be split into words.
    pub fn vocabulary(&self) -> Result<Vec<String>, Error> {
        let train = match &self.train {
            Source::Generator(arithmetic) => return Ok(arithmetic.vocabulary()),
            Source::List { questions, .. } => questions,
        };
        let mut words = BTreeSet::from(["####".to_owned()]);
        for question in train.iter().chain(&self.validation).chain(&self.held_out) {
            let texts = [Some(&question.prompt), question.reference.as_ref(), question.solution.as_ref()];
            for text in texts.into_iter().flatten() {
                words.extend(Tokenizer::words(text)?);
            }
        }
        Ok(words.into_iter().collect())
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
    ((mixed(text) >> 11) as f64 / (1u64 << 53) as f64) < share
}

/// FNV's high bits hardly depend on the last characters: they are mixed (the finaliser of MurmurHash3).
fn mixed(text: &str) -> u64 {
    let hash = fnv(text);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl From<grpo_edu::Problem> for Question {
    fn from(problem: grpo_edu::Problem) -> Self {
        Self {
            reference: Some(problem.answer.to_string()),
            solution: Some(problem.solution),
            ..Self::new(problem.question)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonlConfig;
    use grpo_edu::ArithmeticConfig;

    fn list(n: usize) -> Questions {
        let questions = (0..n).map(|i| Question::new(i.to_string())).collect();
        let train = Source::List { questions, seed: 3 };
        Questions { train, validation: Vec::new(), held_out: Vec::new(), notes: Vec::new() }
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
