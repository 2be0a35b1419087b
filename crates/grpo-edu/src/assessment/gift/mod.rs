//! Moodle's GIFT: question banks as text (<https://docs.moodle.org/en/GIFT_format>).
//!
//! | written | is |
//! |---|---|
//! | `Text {=right ~wrong ~%50%half right}` | one of a list |
//! | `Text {~%50%right ~%50%right ~%-100%wrong}` | several of a list: no `=` |
//! | `Text {T}`, `{FALSE#if wrong#if right}` | true or false |
//! | `Text {=right =right too =%50%half*}`, `{right}` | short answer; `*` stands for any characters |
//! | `Text {=left -> right =left -> right = -> wrong}` | matching |
//! | `Text {#3:2}`, `{#1..5}`, `{#=3:0 =%50%3:2 ~#if wrong}` | a number: with tolerance, in a range, several |
//! | `Text {}` | essay, not scored |
//! | `Text` | description, not scored |
//! | `Text {...} more text` | the same with a gap (`_____`) in the text |
//!
//! Around them: `::title::`, `[html]`, `[markdown]`, `[plain]` or `[moodle]` before a text, `#feedback` after an answer,
//! `####general feedback` at the end, `// comments`, among them `// [id:x] [tag:y]`, and lines `$CATEGORY: name`. An empty line ends a
//! question. `\~ \= \# \{ \} \: \\` stand for these characters and `\n` for a line break; any other backslash is itself.
//!
//! Scores are those of Moodle; see [`bank`](super::bank). Percentages with endless decimals are read as the fractions they stand for:
//! 33.33333% is a third. Short answers don't tell capital from small letters, because GIFT can't say that they should.
//!
//! Options and right sides come shuffled, always in the same way, as Moodle shuffles them:
//! [`BankItem::shuffled`] takes another seed, [`BankItem::in_order`] undoes it.
//!
//! An item's identifier is its `[id:...]`; else its title, where no other item has it; else `question@LINE`.
//!
//! ```
//! use grpo_edu::assessment::{Item, Style, gift};
//!
//! let bank = gift::read("::Rivers:: Which river runs through Paris? {=Seine ~Thames#That is London. ~Tiber}", "rivers.gift")?;
//! let item = bank[0].clone().in_order();
//! assert_eq!(
//!     item.prompt(Style::Plain),
//!     "Which river runs through Paris?\n\nA. Seine\nB. Thames\nC. Tiber\n\nAnswer with one letter after ####."
//! );
//! let marked = item.mark("I think of Big Ben.\n#### B");
//! assert_eq!((marked.score, marked.reason.as_str()), (Some(0.0), "B is wrong: That is London."));
//! # Ok::<(), grpo_edu::assessment::bank::BankError>(())
//! ```

mod answers;
mod blocks;
mod numbers;
mod question;
mod scan;

use std::collections::HashMap;
use std::path::Path;

use super::bank::{BankError, BankItem, check_size, read_file};
use blocks::{Block, Entry};

/// Reads a file.
///
/// # Errors
/// As [`read`], and where the file can't be read or isn't UTF-8.
pub fn open(path: impl AsRef<Path>) -> Result<Vec<BankItem>, BankError> {
    let (text, name) = read_file(path.as_ref())?;
    read(&text, &name)
}

/// Reads a text; `name` stands in messages.
///
/// # Errors
/// [`BankError`] at the first question that can't be understood, where an identifier occurs twice, where there is no question at all,
/// and where the text is larger than 64 MiB.
pub fn read(text: &str, name: &str) -> Result<Vec<BankItem>, BankError> {
    check_size(name, text.len() as u64)?;
    let refuse = |line: usize, problem: String| BankError::Question {
        file: name.into(),
        place: format!("line {line}"),
        problem,
    };
    let entries = blocks::split(text).map_err(|(line, problem)| refuse(line, problem))?;
    let mut category: Option<String> = None;
    let mut drafts = Vec::new();
    for entry in entries {
        match entry {
            Entry::Category(name) => category = Some(name),
            Entry::Question(block) => {
                let draft = question::read(&block).map_err(|problem| refuse(problem.line, problem.what))?;
                drafts.push((block, draft, category.clone()));
            }
        }
    }
    if drafts.is_empty() {
        let reason = "write them as `Text {=right ~wrong}` with an empty line between two of them";
        return Err(BankError::Empty { file: name.into(), reason });
    }
    let identifiers = identifiers(&drafts).map_err(|(line, problem)| refuse(line, problem))?;
    let items = drafts.into_iter().zip(identifiers).map(|((block, mut draft, category), id)| {
        (draft.id, draft.category) = (id, category);
        let item = draft.finish().map_err(|problem| refuse(block.line(), problem))?;
        Ok(item.shuffled(0))
    });
    items.collect()
}

type Read = (Block, super::bank::Draft, Option<String>);

/// An identifier for each question, all of them different.
fn identifiers(drafts: &[Read]) -> Result<Vec<String>, (usize, String)> {
    let mut given: HashMap<&str, usize> = HashMap::new();
    let mut titles: HashMap<&str, usize> = HashMap::new();
    for (block, draft, _) in drafts {
        if let Some(id) = &block.id
            && let Some(before) = given.insert(id, block.line())
        {
            let problem = format!(
                "the identifier `{id}` is also that of the question at line {before}; change one of them"
            );
            return Err((block.line(), problem));
        }
        if let Some(title) = &draft.title {
            *titles.entry(title).or_default() += 1;
        }
    }
    let identifier = |(block, draft, _): &Read| {
        let unique =
            |title: &&String| titles.get(title.as_str()) == Some(&1) && !given.contains_key(title.as_str());
        let title = draft.title.as_ref().filter(unique);
        block.id.clone().or_else(|| title.cloned()).unwrap_or_else(|| format!("question@{}", block.line()))
    };
    Ok(drafts.iter().map(identifier).collect())
}
