//! Answers that are words, and answers that are the same text.

/// The text as it is compared letter for letter: without white space, dollar signs, Markdown, LaTeX's visual
/// commands, braces and the point at the end. Case counts for single letters only.
pub(super) fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        if c == '\\' {
            let name = rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
            length = 1 + name.max(rest[1..].chars().next().map_or(0, char::len_utf8));
            if !is_visual(&rest[1..length]) {
                normal.push_str(&rest[..length]);
            }
        } else if !(c.is_whitespace() || matches!(c, '$' | '{' | '}' | '*' | '`' | '"' | '\'')) {
            normal.push(c);
        }
        rest = &rest[length..];
    }
    while normal.ends_with(['.', ',', ';']) {
        normal.pop();
    }
    normal
}

fn is_visual(command: &str) -> bool {
    matches!(
        command,
        "text"
            | "mbox"
            | "hbox"
            | "textrm"
            | "textit"
            | "textbf"
            | "textsf"
            | "texttt"
            | "textnormal"
            | "mathrm"
            | "mathbf"
            | "mathit"
            | "mathsf"
            | "operatorname"
            | "boldsymbol"
            | "bm"
            | "left"
            | "right"
            | "big"
            | "Big"
            | "bigl"
            | "bigr"
            | "displaystyle"
            | "textstyle"
            | "boxed"
            | "fbox"
            | "quad"
            | "qquad"
            | ","
            | ";"
            | ":"
            | "!"
            | " "
            | "$"
    )
}

/// Whether two answers are the same word or words: case and a bracket around a choice do not count.
pub(super) fn same(answer: &str, reference: &str) -> bool {
    let (answer, reference) = (normal(answer), normal(reference));
    if answer.is_empty() || reference.is_empty() {
        return false;
    }
    if answer == reference {
        return true;
    }
    let (answer, reference) = (without_brackets(&answer), without_brackets(&reference));
    answer == reference
        || answer.chars().nth(1).is_some() && answer.to_lowercase() == reference.to_lowercase()
}

/// `(B)`, `[B]` and `B` are the same choice; so is `B.` or `B)`.
fn without_brackets(text: &str) -> &str {
    let inner = text.trim_start_matches(['(', '[']).trim_end_matches([')', ']', '.', ':']);
    let word = !inner.is_empty() && inner.chars().all(char::is_alphabetic);
    if word { inner } else { text }
}

/// Whether a reference is one letter of a multiple choice.
pub(super) fn choice(reference: &str) -> Option<char> {
    let normal = normal(reference);
    let mut letters = without_brackets(&normal).chars();
    letters.next().filter(|letter| letter.is_ascii_uppercase() && letters.next().is_none())
}

/// The letter of an answer that repeats the choice's text: `(B) 42`, `B. both`, `B: 7`.
pub(super) fn chosen(answer: &str) -> Option<char> {
    let answer = answer.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '$' | '*' | '{'));
    let answer = ["\\textbf{", "\\text{", "\\mathrm{", "\\mathbf{", "\\textrm{"]
        .into_iter()
        .find_map(|command| answer.strip_prefix(command))
        .unwrap_or(answer)
        .trim_start();
    let (open, answer) = match answer.strip_prefix('(') {
        Some(rest) => (true, rest),
        None => (false, answer),
    };
    let letter = answer.chars().next().filter(char::is_ascii_uppercase)?;
    let after = answer[1..].chars().next();
    let marked = if open { after == Some(')') } else { matches!(after, Some('.' | ')' | ':')) };
    marked.then_some(letter)
}
