//! From the command line to a recipe, and from a mistake in it to the file, the line and the key.

use crate::{args, hub};
use anyhow::{Context, anyhow};
use grpo_rewards::RewardSpec;
use grpo_train::comparing::CompareRecipe;
use grpo_train::tutoring::TutorRecipe;
use grpo_train::{DataConfig, Error, ModelConfig, Recipe};
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The recipes that need no file.
const EMBEDDED: [(&str, &str); 7] = [
    ("arithmetic", include_str!("../../../recipes/arithmetic.toml")),
    ("compare-kss", include_str!("../../../recipes/compare-kss.toml")),
    ("tutor-kss", include_str!("../../../recipes/tutor-kss.toml")),
    ("tutor-memory", include_str!("../../../recipes/tutor-memory.toml")),
    ("tutor-fsrs", include_str!("../../../recipes/tutor-fsrs.toml")),
    ("tutor-bkt", include_str!("../../../recipes/tutor-bkt.toml")),
    ("tutor-irt", include_str!("../../../recipes/tutor-irt.toml")),
];

/// A recipe as it was found.
pub(crate) struct Source {
    /// What it is called in messages.
    label: String,
    text: String,
    /// What its paths are relative to.
    base: PathBuf,
}

/// A change from the command line: how it was written, and the key and value it stands for.
struct Change {
    written: String,
    assignment: String,
}

/// From a text and changes to a recipe.
type Parse<R> = fn(&str, &[String]) -> Result<R, Error>;

impl Source {
    /// A file, the name of an embedded recipe, or without either the default.
    pub(crate) fn find(name: Option<&str>) -> anyhow::Result<Self> {
        let name = name.unwrap_or(EMBEDDED[0].0);
        let here = std::env::current_dir().context("the working directory can't be read")?;
        let path = Path::new(name);
        if let Some((_, text)) = EMBEDDED.iter().find(|(known, _)| *known == name && !path.is_file()) {
            return Ok(Self {
                label: format!("the embedded recipe `{name}`"),
                text: text.to_string(),
                base: here,
            });
        }
        let text = std::fs::read_to_string(path).with_context(|| {
            let known: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
            format!(
                "can't read the recipe {name} (give a TOML file, or an embedded recipe: {})",
                known.join(", ")
            )
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Self { label: name.into(), text, base: here.join(folder) })
    }

    /// Parses and checks the recipe of a language model with the changes from the command line.
    pub(crate) fn read(&self, args: &args::Train) -> anyhow::Result<Recipe> {
        let mut recipe =
            self.changed(changes(args, "grpo.steps", self.starts_with_folder())?, Recipe::with_changes)?;
        fetch(&mut recipe, if args.quiet { hub::Show::Quiet } else { hub::Show::Stderr })?;
        recipe.resolve_paths(&self.base);
        self.check_paths(&recipe)?;
        Ok(recipe)
    }

    /// Whether the model comes from a folder.
    fn starts_with_folder(&self) -> bool {
        let table: Option<toml::Table> = self.text.parse().ok();
        let start = table.as_ref().and_then(|t| t.get("model")).and_then(|model| model.get("start"));
        start.and_then(toml::Value::as_str) == Some("folder")
    }

    /// The rewards of the recipe of a language model; the rest of it isn't looked at.
    pub(crate) fn rewards(&self) -> anyhow::Result<Vec<RewardSpec>> {
        #[derive(serde::Deserialize)]
        struct Rewards {
            rewards: Vec<RewardSpec>,
        }
        let rewards: Rewards = toml::from_str(&self.text)
            .map_err(|error| anyhow!("{}: {}", self.label, plain(error.message())))?;
        Ok(rewards.rewards)
    }

    /// Whether it is the recipe of a tutor.
    pub(crate) fn is_tutor(&self) -> bool {
        TutorRecipe::is_one(&self.text)
    }

    /// Parses and checks the recipe of a tutor with the changes from the command line.
    pub(crate) fn read_tutor(&self, args: &args::Train) -> anyhow::Result<TutorRecipe> {
        if let Some(model) = &args.model {
            return Err(anyhow!(
                "--model {}: {} trains a tutor, which begins with random weights; leave --model out",
                model.display(),
                self.label
            ));
        }
        let mut recipe = self.changed(changes(args, "training.steps", false)?, TutorRecipe::with_changes)?;
        recipe.resolve_paths(&self.base);
        Ok(recipe)
    }

    /// Parses and checks the recipe of a comparison with changes from the command line.
    pub(crate) fn read_compare(&self, sets: &[String]) -> anyhow::Result<CompareRecipe> {
        let change = |set: &String| Change { written: format!("--set {set}"), assignment: set.clone() };
        let mut recipe = self.changed(sets.iter().map(change).collect(), CompareRecipe::with_changes)?;
        recipe.resolve_paths(&self.base);
        Ok(recipe)
    }

    fn changed<R>(&self, changes: Vec<Change>, parse: Parse<R>) -> anyhow::Result<R> {
        let assignments: Vec<String> = changes.iter().map(|c| c.assignment.clone()).collect();
        parse(&self.text, &assignments).map_err(|error| self.blame(&error, &changes, &assignments, parse))
    }

    /// Finds out whether the recipe or a change is at fault: the first that brings the error about.
    fn blame<R>(
        &self,
        error: &Error,
        changes: &[Change],
        assignments: &[String],
        parse: Parse<R>,
    ) -> anyhow::Error {
        for applied in 0..=changes.len() {
            let Err(early) = parse(&self.text, &assignments[..applied]) else { continue };
            if reason(&early) != reason(error) {
                continue;
            }
            return match applied.checked_sub(1) {
                None => self.in_file(&early),
                // Not an assignment at all: the message begins with the argument already.
                Some(_) if early.to_string().starts_with("--set") => anyhow!("{early}"),
                Some(change) => anyhow!("{}: {}", changes[change].written, plain(&reason(&early))),
            };
        }
        self.in_file(error)
    }

    /// An error with file and line.
    fn in_file(&self, error: &Error) -> anyhow::Error {
        match error {
            Error::Recipe { message, .. } => match line_within_table(&self.text, message, &reason(error)) {
                Some(line) => anyhow!("{}, line {line}: {}", self.label, plain(&reason(error))),
                None => anyhow!("{}: {}", self.label, plain(message)),
            },
            other => match first_key(other.to_string()).and_then(|key| line_of(&self.text, key)) {
                Some(line) => anyhow!("{}, line {line}: {other}", self.label),
                None => anyhow!("{}: {other}", self.label),
            },
        }
    }

    /// Files that the recipe names must be there.
    fn check_paths(&self, recipe: &Recipe) -> anyhow::Result<()> {
        let mut named: Vec<(&str, &Path, bool)> = Vec::new();
        if let Some(data) = recipe.data.file() {
            named.push(("data.path", data.path, false));
            named.extend(data.held_out.map(|path| ("data.held_out", path, false)));
        }
        if let ModelConfig::Folder(model) = &recipe.model {
            named.push(("model.path", &model.path, true));
        }
        for (key, path, is_folder) in named {
            let (found, what) = match is_folder {
                true => (path.is_dir(), "folder"),
                // A QTI bank may be a folder of items.
                false if matches!(recipe.data, DataConfig::Qti(_)) => (path.exists(), "file or folder"),
                false => (path.is_file(), "file"),
            };
            if !found {
                let line = line_of(&self.text, key).map(|l| format!(", line {l}")).unwrap_or_default();
                return Err(anyhow!(
                    "{}{line}: `{key}` names {}, but there is no such {what}; paths in a recipe are relative to the \
                     recipe's folder, those on the command line to the working directory",
                    self.label,
                    path.display()
                ));
            }
        }
        Ok(())
    }
}

/// The changes that the command line makes, `--set` first.
fn changes(args: &args::Train, steps_key: &str, starts_with_folder: bool) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for set in &args.changes {
        let mut assignment = set.clone();
        if let Some((key @ ("data.path" | "data.held_out" | "model.path" | "environment.path"), path)) =
            set.split_once('=').map(|(key, path)| (key.trim(), path.trim().trim_matches('"')))
        {
            assignment = format!("{key}={}", text(&absolute(Path::new(path))?));
        }
        changes.push(Change { written: format!("--set {set}"), assignment });
    }
    let mut flag = |name: &str, value: String, assignment: String| {
        changes.push(Change { written: format!("--{name} {value}"), assignment });
    };
    if let Some(seed) = args.seed {
        flag("seed", seed.to_string(), format!("seed={seed}"));
    }
    if let Some(steps) = args.steps {
        flag("steps", steps.to_string(), format!("{steps_key}={steps}"));
    }
    if let Some(model) = &args.model {
        let path = text(&absolute(model)?);
        // What else a recipe says of a folder stays.
        let assignment = match starts_with_folder {
            true => format!("model.path={path}"),
            false => format!("model={{ start = \"folder\", path = {path} }}"),
        };
        flag("model", model.display().to_string(), assignment);
    }
    Ok(changes)
}

/// Puts the local copies of models and data from the hub in the place of their names. A run keeps the paths, and with them the exact
/// revision.
fn fetch(recipe: &mut Recipe, show: hub::Show) -> anyhow::Result<()> {
    let is_named = |path: &Path| hub::is_hub_name(&path.to_string_lossy());
    if let ModelConfig::Folder(model) = &mut recipe.model
        && is_named(&model.path)
    {
        model.path = hub::model_folder(&model.path.to_string_lossy().parse()?, show)?;
    }
    for path in recipe.data.paths_mut() {
        if is_named(path) {
            *path = hub::data_file(&path.to_string_lossy().parse()?, show)?;
        }
    }
    Ok(())
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    if hub::is_hub_name(&path.to_string_lossy()) {
        return Ok(path.into());
    }
    std::path::absolute(path).with_context(|| format!("the path {:?} can't be used", path.display()))
}

/// A path as a TOML string.
fn text(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}

/// What an error says, without the lines of the file that `toml` shows before.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    match error {
        Error::Recipe { .. } => {
            let lines: Vec<&str> = text.trim_end().lines().collect();
            let shown = lines.iter().rposition(|line| line.trim_start().starts_with('|'));
            lines[shown.map_or(0, |last| last + 1)..].join("\n")
        }
        _ => text,
    }
}

/// A message without the names of Rust's types.
fn plain(message: &str) -> String {
    message
        .replace("expected usize", "expected a whole number, 0 or more")
        .replace("expected u64", "expected a whole number, 0 or more")
        .replace("expected u32", "expected a whole number, 0 or more")
        .replace("expected f64", "expected a number")
}

/// The first word in backticks.
fn first_key(text: impl AsRef<str>) -> Option<String> {
    text.as_ref().split('`').nth(1).map(str::to_string)
}

/// Line of a dotted key such as `grpo.group_size` or `rewards[1].pattern`; where a key has been left to its default, that of
/// its table. The libraries below name keys from their own table on, so that the tables they serve are tried as well.
fn line_of(text: &str, key: impl AsRef<str>) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let key = key.as_ref().replace(" (", ".").replace(')', "");
    let tables = [
        "",
        "data.",
        "model.",
        "objective.",
        "advantages.",
        "optimizer.",
        "evaluation.metric.",
        "environment.",
        "training.",
        "tutor.",
    ];
    let found = tables.iter().filter_map(|prefix| {
        let path = format!("{prefix}{key}").replace('[', ".").replace(']', "");
        let parts: Vec<&str> = path.split('.').collect();
        let (depth, start) = walk(table.get_ref(), &parts)?;
        let own = depth - prefix.matches('.').count().min(depth);
        (own > 0).then_some((own, start))
    });
    // The first of those that lead deepest.
    let (_, start) = found.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    Some(line_at(text, start))
}

/// How many parts of the path there are in the table, and where the last of them begins.
fn walk(table: &DeTable<'_>, path: &[&str]) -> Option<(usize, usize)> {
    let (key, mut value) = table.iter().find(|(key, _)| key.get_ref() == path[0])?;
    let (mut depth, mut start) = (1, key.span().start);
    for part in &path[1..] {
        let next = match value.get_ref() {
            DeValue::Table(table) => table
                .iter()
                .find(|(key, _)| key.get_ref() == part)
                .map(|(key, value)| (key.span().start, value)),
            DeValue::Array(array) => {
                part.parse().ok().and_then(|i: usize| array.get(i)).map(|value| (value.span().start, value))
            }
            _ => None,
        };
        let Some((at, inner)) = next else { break };
        (depth, start, value) = (depth + 1, at, inner);
    }
    Some((depth, start))
}

/// serde forgets places inside of a table whose kind is one of its keys, and `toml` then shows the first line of the table, or of
/// the first in a list of tables. The line below it that has the words at fault says more.
fn line_within_table(text: &str, message: &str, reason: &str) -> Option<usize> {
    let shown: usize = message.split_once("at line ")?.1.split(',').next()?.parse().ok()?;
    let mut lines = text.lines().enumerate().skip(shown.checked_sub(1)?);
    let (_, table) = lines.next().filter(|(_, line)| line.trim_start().starts_with('['))?;
    let fault = reason.split(", expected").next()?;
    let quoted = fault.split_whitespace().filter(|word| word.starts_with(['`', '"']));
    let words: Vec<&str> = quoted.map(|word| word.trim_matches(['`', '"', ','])).collect();
    let belongs = |line: &str| !line.trim_start().starts_with('[') || line == table;
    let found = lines.take_while(|(_, line)| belongs(line)).map(|(index, line)| {
        (words.iter().filter(|word| !word.is_empty() && line.contains(**word)).count(), index + 1)
    });
    let (count, line) = found.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    (count > 0).then_some(line)
}

fn line_at(text: &str, start: usize) -> usize {
    text[..start].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = \"x\"\n[grpo]\nsteps = 1\n\n[objective]\nsurrogate = { clip = { low = -1 } }\n\
        [[rewards]]\nkind = \"number\"\n[[rewards]]\nkind = \"regex\"\npattern = \"(\"\n";

    #[test]
    fn keys_have_lines() {
        assert_eq!(line_of(TEXT, "grpo.steps"), Some(3));
        assert_eq!(line_of(TEXT, "grpo.group_size"), Some(2));
        assert_eq!(line_of(TEXT, "surrogate.clip.low"), Some(6));
        assert_eq!(line_of(TEXT, "rewards[1].pattern"), Some(11));
        assert_eq!(line_of(TEXT, "nowhere"), None);
    }

    #[test]
    fn a_word_at_fault_has_a_line_below_its_table() {
        let text = "a = 1\n[model]\nstart = \"random\"\nheads = \"two\"\n[grpo]\nheads = \"three\"\n";
        let shown = |line: usize| format!("TOML parse error at line {line}, column 1\n  |\n");
        let line = |shown: &str, reason: &str| line_within_table(text, shown, reason);
        assert_eq!(line(&shown(2), "invalid type: string \"two\", expected usize"), Some(4));
        assert_eq!(line(&shown(2), "unknown field `heads`, expected one of"), Some(4));
        assert_eq!(line(&shown(2), "invalid type: string \"three\", expected usize"), None);
        assert_eq!(line(&shown(4), "invalid type: string \"two\", expected usize"), None);
    }

    #[test]
    fn the_embedded_recipes_are_recipes() {
        for (name, text) in EMBEDDED {
            let own = match name {
                "compare-kss" => CompareRecipe::with_changes(text, &[]).unwrap().name,
                _ if TutorRecipe::is_one(text) => TutorRecipe::from_toml(text).unwrap().name,
                _ => Recipe::from_toml(text).unwrap().name,
            };
            assert_eq!(own, name);
        }
    }

    #[test]
    fn every_recipe_in_the_folder_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let recipes: Vec<PathBuf> =
            files.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
        assert!(recipes.len() >= 11, "{recipes:?}");
        for path in recipes {
            let (text, name) = (std::fs::read_to_string(&path).unwrap(), path.display());
            let read = match &text {
                text if text.contains("[[arms]]") => CompareRecipe::with_changes(text, &[]).map(|_| ()),
                text if TutorRecipe::is_one(text) => TutorRecipe::from_toml(text).map(|_| ()),
                text => Recipe::from_toml(text).map(|_| ()),
            };
            read.unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}
