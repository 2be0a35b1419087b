//! Pairs between a numbered and a lettered list.

use std::collections::HashSet;

use super::Unreadable;
use super::options::Options;
use super::text::{bare, brief, trim};

/// Between two texts that form a pair; the first of these that occurs divides them.
const BETWEEN: [&str; 6] = ["->", "→", "=>", " - ", ":", "="];

/// Places in both lists, in the order of the numbers, each pair once.
pub(super) fn read(
    numbered: &Options<'_>,
    lettered: &Options<'_>,
    text: &str,
) -> Result<Vec<(usize, usize)>, Unreadable> {
    let inner = bare(text);
    if lettered.is_nothing(inner) {
        return Ok(Vec::new());
    }
    let labelled = labels(numbered, lettered, inner);
    let mut pairs = match labelled {
        Some(pairs) => pairs?,
        None => texts(numbered, lettered, inner)?,
    };
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

/// `1-B, 2-A` in any punctuation, or `B-1, A-2`; `None` where it is something else than labels.
fn labels(
    numbered: &Options<'_>,
    lettered: &Options<'_>,
    text: &str,
) -> Option<Result<Vec<(usize, usize)>, Unreadable>> {
    let punctuation = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '-' | '–' | '—' | '−' | '→' | '>' | ':' | '=' | ',' | ';' | '.' | '(' | ')' | '[' | ']' | '*'
            )
    };
    let mut numbers = Vec::new();
    let mut letters = Vec::new();
    // Whether numbers come first; the first label decides, and each pair must keep to it.
    let mut numbers_first = None;
    for word in text.split(punctuation).flat_map(glued).filter(|word| !word.is_empty()) {
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        let is_label = is_number || word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        let first = *numbers_first.get_or_insert(is_number);
        let number_next = (numbers.len() == letters.len()) == first;
        if !is_label || is_number != number_next {
            return None;
        }
        let (options, places) = if is_number { (numbered, &mut numbers) } else { (lettered, &mut letters) };
        match options.labelled(word) {
            Some(place) => places.push(place),
            None => return Some(Err(options.refuse(word))),
        }
    }
    let complete = !numbers.is_empty() && numbers.len() == letters.len();
    complete.then(|| Ok(numbers.into_iter().zip(letters).collect()))
}

/// `1B` as `1` and `B`.
fn glued(word: &str) -> [&str; 2] {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = word.split_at(digits);
    [number, rest]
}

/// `cat -> cat food; dog -> bone`.
fn texts(
    numbered: &Options<'_>,
    lettered: &Options<'_>,
    text: &str,
) -> Result<Vec<(usize, usize)>, Unreadable> {
    let divided = |pieces: &mut dyn Iterator<Item = &str>| {
        let pieces = pieces.filter(|piece| !trim(piece).is_empty());
        pieces.map(|piece| pair(numbered, lettered, piece)).collect::<Option<Vec<_>>>()
    };
    let readings = [divided(&mut text.split(';')), divided(&mut text.split([',', ';']))];
    let readings: HashSet<Vec<(usize, usize)>> =
        readings.into_iter().flatten().filter(|pairs| !pairs.is_empty()).collect();
    let several = readings.len() > 1;
    match readings.into_iter().next() {
        Some(_) if several => {
            let why = "it can be divided into pairs in several ways; use numbers and letters";
            Err(Unreadable::Ambiguous { found: brief(text), why })
        }
        Some(pairs) => Ok(pairs),
        None => Err(Unreadable::NotPairs { found: brief(text) }),
    }
}

fn pair(numbered: &Options<'_>, lettered: &Options<'_>, piece: &str) -> Option<(usize, usize)> {
    let (left, right) = BETWEEN.iter().find_map(|between| piece.split_once(between))?;
    Some((numbered.one(left).ok()?, lettered.one(right).ok()?))
}
