//! Question banks: items that come with their own scoring.

use super::{Contents, Question};
use crate::{DataConfig, Error};
use grpo_edu::assessment::{Interaction, Item, Style, answer, gift, qti, table};
use grpo_rewards::{Assess, Score};
use std::path::Path;
use std::sync::Arc;

/// An item of a question bank, as a question of a run.
#[derive(Debug, Clone)]
pub struct BankQuestion {
    item: Arc<dyn Item>,
    assess: Arc<dyn Assess>,
}

impl BankQuestion {
    /// Takes an item up.
    pub fn new(item: Arc<dyn Item>) -> Self {
        Self { assess: Arc::new(Scoring::new(Arc::clone(&item))), item }
    }

    /// The item.
    pub fn item(&self) -> &Arc<dyn Item> {
        &self.item
    }

    /// The item as a reward sees it.
    pub(crate) fn assess(&self) -> &Arc<dyn Assess> {
        &self.assess
    }
}

/// Items are one where their identifiers are.
impl PartialEq for BankQuestion {
    fn eq(&self, other: &Self) -> bool {
        self.item.id() == other.item.id()
    }
}

/// An item's own scoring, as a share of its highest score.
#[derive(Debug)]
struct Scoring {
    item: Arc<dyn Item>,
    interactions: Vec<Interaction>,
}

impl Scoring {
    fn new(item: Arc<dyn Item>) -> Self {
        Self { interactions: item.definition().interactions, item }
    }
}

impl Assess for Scoring {
    fn assess(&self, completion: &str) -> Option<Score> {
        let marked = self.item.mark(completion);
        let score = Score::new(marked.scaled()?, marked.reason);
        // What was read, in the form that the prompt asks for.
        let read = answer::write(&self.interactions, &marked.responses);
        let read = read.as_deref().map(|line| line.trim_start_matches("####").trim().to_owned());
        Some(match read.filter(|read| !read.is_empty()) {
            Some(read) => score.with_extracted(read),
            None => score,
        })
    }
}

/// What a question bank holds.
#[derive(Debug)]
pub struct Bank {
    /// Its items, in the order of its files.
    pub items: Vec<Arc<dyn Item>>,
    /// What of it can't be read as an item, and why.
    pub notes: Vec<String>,
}

/// The items of a question bank, with what of it can't be read as an item, and why.
///
/// # Errors
/// Names the file and place of what can't be used; [`Error::Setting`] for data that is no bank.
pub fn bank_items(config: &DataConfig) -> Result<Bank, Error> {
    let file = config.file().ok_or_else(no_bank)?;
    items(config, file.path)
}

fn no_bank() -> Error {
    Error::setting("data.format", "is no question bank", "use \"csv\", \"gift\" or \"qti\"")
}

fn items(config: &DataConfig, path: &Path) -> Result<Bank, Error> {
    fn shared<I: Item + 'static>(items: Vec<I>) -> Vec<Arc<dyn Item>> {
        items.into_iter().map(|item| Arc::new(item) as Arc<dyn Item>).collect()
    }
    match config {
        DataConfig::Arithmetic(_) | DataConfig::Jsonl(_) => Err(no_bank()),
        DataConfig::Csv(config) => {
            Ok(Bank { items: shared(table::open(path, &config.columns)?), notes: Vec::new() })
        }
        DataConfig::Gift(_) => Ok(Bank { items: shared(gift::open(path)?), notes: Vec::new() }),
        DataConfig::Qti(_) => {
            let package = qti::Package::open(path)?;
            let notes =
                package.skipped().iter().map(|skipped| format!("{}: {skipped}", path.display())).collect();
            Ok(Bank { items: shared(package.into_items()), notes })
        }
    }
}

/// The scored items of a bank, as questions.
pub(super) fn read(
    config: &DataConfig,
    path: &Path,
    style: Style,
    template: &str,
) -> Result<Contents, Error> {
    let Bank { items, mut notes } = items(config, path)?;
    let all = items.len();
    // Whether an item is scored depends on the item alone, so that an empty answer tells.
    let mut scored: Vec<_> = items.into_iter().filter(|item| item.mark("").scaled().is_some()).collect();
    if scored.is_empty() {
        return Err(Error::NoQuestions {
            what: path.display().to_string(),
            fix: format!("of its {all} items none is scored; give a bank with items that are"),
        });
    }
    if scored.len() < all {
        notes.push(format!(
            "{}: {} of {all} items are not scored (essays, descriptions) and are left out",
            path.display(),
            all - scored.len()
        ));
    }
    // A bank is written kind by kind. Mixed, by a hash that is the same everywhere, any part of it is like the whole: the held-out items
    // of an evaluation on the way, and those that decide when imitation stops.
    scored.sort_by_key(|item| super::mixed(item.id()));
    let question = |item: Arc<dyn Item>| {
        let solution = item.solution();
        let last = solution.as_deref().and_then(|solution| solution.rsplit_once("####"));
        Question {
            reference: last.map(|(_, answer)| answer.trim().to_owned()),
            solution,
            item: Some(BankQuestion::new(Arc::clone(&item))),
            ..Question::new(template.replace("{question}", &item.prompt(style)))
        }
    };
    Ok(Contents { questions: scored.into_iter().map(question).collect(), notes })
}
