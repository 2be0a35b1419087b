//! "The answer is ...": where prose says that the answer follows.

use super::formula::first_formulas;

/// A verb or colon is looked for this far behind the word "answer".
const MAX_BETWEEN: usize = 60;
/// Who writes "answer" this often without an answer behind it has none: it bounds what the search costs.
const MAX_TRIES: usize = 64;
/// An answer in words has at most this many.
const MAX_WORDS: usize = 5;

/// What follows the last "answer is" that something follows, or what the last `<answer>` tag holds, whichever
/// stands later.
pub(super) fn after_phrase(text: &str) -> Option<&str> {
    let mut before = text;
    for _ in 0..MAX_TRIES {
        let at = last_word(before)?;
        let after = &text[at + "answer".len()..];
        let tagged = text[..at].ends_with('<') && after.starts_with('>');
        let found = if tagged { content(&after[1..]) } else { follows(after) };
        if found.is_some() {
            return found;
        }
        before = &text[..at];
    }
    None
}

/// The content of a tag that has just opened.
fn content(after: &str) -> Option<&str> {
    let end = after.find("</").unwrap_or(after.len());
    let content = after[..end].trim();
    (!content.is_empty()).then_some(content)
}

/// Where the last "answer" begins that is a word of its own (or the plural).
fn last_word(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut end = bytes.len();
    while end >= 6 {
        let at = bytes[..end - 5].iter().rposition(|byte| matches!(byte, b'a' | b'A'))?;
        let is_word = bytes[at..at + 6].eq_ignore_ascii_case(b"answer")
            && !at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphabetic());
        if is_word {
            return Some(at);
        }
        end = at + 5;
    }
    None
}

/// The answer behind the word "answer", if a verb or a colon leads to one.
fn follows(after: &str) -> Option<&str> {
    let window = &after[..after.floor_char_boundary(MAX_BETWEEN.min(after.len()))];
    let line = window.lines().next().unwrap_or_default();
    let decoration = |c: char| c.is_whitespace() || matches!(c, '*' | '_' | '#' | ':');
    // A heading: the answer stands below.
    let rest =
        if line.chars().all(decoration) && after.len() > line.len() { after } else { &after[verb(line)?..] };
    let mut rest = rest.trim_start_matches(decoration);
    for filler in ["therefore", "thus", "simply", "then", "exactly", "equal to", "given by", "is", "are"] {
        if let Some(shorter) = rest.strip_prefix(filler).filter(|rest| rest.starts_with([' ', ':', ',', '*']))
        {
            rest = shorter.trim_start_matches(|c| decoration(c) || c == ',');
        }
    }
    answer(rest)
}

/// Where the first verb or colon of a line ends.
fn verb(line: &str) -> Option<usize> {
    let ends = [" is", " are", " be", ":", " ="].into_iter().filter_map(|verb| {
        let at = line.find(verb)? + verb.len();
        let whole = verb == ":" || !line[at..].starts_with(char::is_alphanumeric);
        whole.then_some(at)
    });
    ends.min()
}

/// The answer at the front of a text: its formulas, else the clause.
fn answer(text: &str) -> Option<&str> {
    if let Some(formulas) = first_formulas(text) {
        return Some(formulas);
    }
    let clause = clause(text).trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '"'));
    let words = clause.split_whitespace().take(MAX_WORDS + 1).count();
    let starts =
        clause.bytes().take(12).any(|byte| byte.is_ascii_digit() || matches!(byte, b'\\' | b'$' | b'='));
    if !starts
        && let Some(at) = clause.find(['$', '\\'])
        && let Some(formulas) = first_formulas(&clause[at..])
    {
        return Some(formulas);
    }
    let readable = clause.bytes().any(|byte| byte.is_ascii_digit() || byte == b'\\') || words <= MAX_WORDS;
    (!clause.is_empty() && readable).then_some(clause)
}

/// Up to the end of the line, of the sentence, or to a word that begins an explanation.
fn clause(text: &str) -> &str {
    const EXPLAINS: [&str; 9] =
        [" because", ", because", " since", ", since", ", which", ", as ", " (", ", so ", " as "];
    let line = text.lines().next().unwrap_or_default();
    // Longer than any answer; where it is cut, it is refused as too long all the same.
    let line = &line[..line.floor_char_boundary(line.len().min(2 * super::MAX_ANSWER))];
    let mut end = line.find("</").unwrap_or(line.len());
    for (at, _) in line[..end].match_indices(['.', '!', '?']) {
        let after = line[at + 1..].trim_start_matches(['*', '"', '`', '$', ')']);
        if after.is_empty() || after.starts_with(char::is_whitespace) {
            end = at;
            break;
        }
    }
    let sentence = &line[..end];
    EXPLAINS
        .into_iter()
        .filter_map(|word| {
            let at = sentence.find(word)?;
            // A bracket after an operator, or with digits in it, belongs to the formula.
            let inner = sentence[at..].trim_start_matches([' ', '(']).split(')').next().unwrap_or_default();
            let words = inner.split_whitespace().nth(1).is_some() && inner.starts_with(char::is_alphabetic);
            (at > 0 && (word != " (" || words)).then_some(at)
        })
        .min()
        .map_or(sentence, |at| &sentence[..at])
}
