//! The questions of a file: lines between empty lines, without comments.

/// A part of a file.
pub(super) enum Entry {
    /// The category of the questions after it.
    Category(String),
    /// A question.
    Question(Block),
}

/// The text of a question.
pub(super) struct Block {
    /// Its lines, without comments and without white space at both ends of the block.
    pub(super) text: String,
    /// For each line of the text, where it begins and its number in the file.
    lines: Vec<(usize, usize)>,
    /// What a comment `[id:...]` says.
    pub(super) id: Option<String>,
    /// What comments `[tag:...]` say.
    pub(super) tags: Vec<String>,
}

impl Block {
    /// The line where it begins.
    pub(super) fn line(&self) -> usize {
        self.line_of(0)
    }

    /// The line of the file in which a byte of the text stands.
    pub(super) fn line_of(&self, at: usize) -> usize {
        let after = self.lines.partition_point(|(start, _)| *start <= at);
        self.lines.get(after.saturating_sub(1)).map_or(1, |(_, line)| *line)
    }
}

/// Divides a file. An error has the line and the problem.
pub(super) fn split(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    // A byte-order mark, as some editors write it, is no part of the first question.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    let mut entries = Vec::new();
    let mut open = Open::default();
    for (index, line) in lines.enumerate() {
        let number = index + 1;
        if let Some(control) = line.chars().find(|c| c.is_control() && *c != '\t') {
            let code = u32::from(control);
            return Err((number, format!("a control character (U+{code:04X}); remove it")));
        }
        if line.trim().is_empty() {
            entries.extend(open.close());
        } else if let Some(comment) = line.trim_start().strip_prefix("//") {
            open.comment(comment).map_err(|problem| (number, problem))?;
        } else if let Some(category) = line.trim_start().strip_prefix("$CATEGORY:") {
            if !open.lines.is_empty() {
                return Err((number, "`$CATEGORY:` inside a question; put an empty line before it".into()));
            }
            let category = category.trim();
            if category.is_empty() {
                return Err((number, "a category without a name; write `$CATEGORY: name`".into()));
            }
            entries.push(Entry::Category(category.into()));
        } else {
            open.line(line, number);
        }
    }
    entries.extend(open.close());
    Ok(entries)
}

/// A block whose end hasn't come yet.
#[derive(Default)]
struct Open {
    text: String,
    lines: Vec<(usize, usize)>,
    id: Option<String>,
    tags: Vec<String>,
}

impl Open {
    fn line(&mut self, line: &str, number: usize) {
        if self.lines.is_empty() {
            // What begins at the first line must begin with its first character.
            self.lines.push((0, number));
            self.text.push_str(line.trim_start());
            return;
        }
        self.text.push('\n');
        self.lines.push((self.text.len(), number));
        self.text.push_str(line);
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        for id in bracketed(comment, "[id:") {
            if let Some(first) = self.id.replace(id)
                && self.id.as_ref() != Some(&first)
            {
                return Err(format!("a second identifier after `{first}`; remove one of them"));
            }
        }
        self.tags.extend(bracketed(comment, "[tag:"));
        Ok(())
    }

    /// The block up to here; `None` where there were only comments.
    fn close(&mut self) -> Option<Entry> {
        let Self { mut text, lines, id, tags } = std::mem::take(self);
        if lines.is_empty() {
            return None;
        }
        text.truncate(text.trim_end().len());
        Some(Entry::Question(Block { text, lines, id, tags }))
    }
}

/// What stands in a comment between `open` and the next `]` (`\]` is part of it).
fn bracketed(comment: &str, open: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = comment;
    while let Some((_, after)) = rest.split_once(open) {
        let bytes = after.as_bytes();
        let end = (0..bytes.len()).find(|at| bytes[*at] == b']' && (*at == 0 || bytes[at - 1] != b'\\'));
        // Without an end it is a comment like others.
        let Some(end) = end else { break };
        let text = after[..end].replace("\\]", "]");
        if !text.trim().is_empty() {
            found.push(text.trim().to_owned());
        }
        rest = &after[end..];
    }
    found
}
