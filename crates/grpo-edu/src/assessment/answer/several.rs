//! One line that answers several places: `1: B; 2: Paris`.

use super::find::Part;
use super::text::{bare, brief, trim};
use super::{Interaction, Response, Unreadable, kinds};

/// An answer and the number of its place, where it has one.
struct Numbered<'a> {
    number: Option<&'a str>,
    text: &'a str,
}

pub(super) fn read(
    interactions: &[Interaction],
    part: Option<Part<'_>>,
) -> Vec<Result<Response, Unreadable>> {
    let answers = part.map_or(Vec::new(), |part| answers(part, interactions.len()));
    let refuse = |refusal: Unreadable| interactions.iter().map(|_| Err(refusal.clone())).collect();
    match assign(&answers, interactions.len()) {
        Err(refusal) => refuse(refusal),
        Ok(places) => {
            let read = |(interaction, place): (_, Result<Option<&str>, Unreadable>)| match place? {
                Some(text) => kinds::read(interaction, text),
                None => Err(Unreadable::Nothing),
            };
            interactions.iter().zip(places).map(read).collect()
        }
    }
}

type Places<'a> = Vec<Result<Option<&'a str>, Unreadable>>;

/// Gives each place its answer.
fn assign<'a>(answers: &[Numbered<'a>], count: usize) -> Result<Places<'a>, Unreadable> {
    if answers.len() > count {
        return Err(Unreadable::MoreAnswers { wanted: count });
    }
    if answers.iter().all(|answer| answer.number.is_none()) {
        return match answers.len() {
            0 => Ok(vec![Ok(None); count]),
            found if found == count => Ok(answers.iter().map(|answer| Ok(Some(answer.text))).collect()),
            found => Err(Unreadable::Count { found, wanted: count }),
        };
    }
    let mut places: Places<'a> = vec![Ok(None); count];
    for answer in answers {
        // One answer without a number among others with one could belong anywhere.
        let Some(number) = answer.number else {
            return Err(Unreadable::NoSuchPlace { found: brief(answer.text), last: count });
        };
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(place) = index.and_then(|index| places.get_mut(index)) else {
            return Err(Unreadable::NoSuchPlace { found: brief(number), last: count });
        };
        *place = match place {
            Ok(None) => Ok(Some(answer.text)),
            _ => Err(Unreadable::Repeated { found: format!("{number}:") }),
        };
    }
    Ok(places)
}

/// The answers of the first line, and of the lines after it as long as they begin with a number. Where there are more than `most`,
/// some are left out, but not so many that this isn't seen.
fn answers(part: Part<'_>, most: usize) -> Vec<Numbered<'_>> {
    let mut answers = Vec::new();
    for (count, line) in part.lines().enumerate() {
        let mut found = divide(bare(line), most);
        if count > 0 && found.first().is_none_or(|answer| answer.number.is_none()) {
            break;
        }
        answers.append(&mut found);
        if answers.len() > most {
            break;
        }
    }
    answers
}

/// Divides a line at `;`, and at a comma that is followed by the next number (`1: B, 2: A`), but not inside JSON strings.
fn divide(line: &str, most: usize) -> Vec<Numbered<'_>> {
    let mut answers = Vec::new();
    let mut rest = line;
    while !trim(rest).is_empty() && answers.len() <= most {
        let (number, text) = split_number(rest);
        let next =
            number.and_then(|number| number.parse::<usize>().ok()).and_then(|number| number.checked_add(1));
        let quoted = quoted_length(text);
        let (text, after) = match end(text, quoted, next) {
            Some(end) => (&text[..end], &text[end + 1..]),
            None => (text, ""),
        };
        answers.push(Numbered { number, text: trim(text) });
        rest = after;
    }
    answers
}

/// The number in front of an answer: `2: Paris`, `2) Paris`, `2. Paris`, `[2] Paris`.
fn split_number(text: &str) -> (Option<&str>, &str) {
    let text = trim(text);
    let open = text.strip_prefix(['[', '(']);
    let inner = open.unwrap_or(text);
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = inner.split_at(digits);
    let rest = match open {
        Some(_) => rest.strip_prefix([']', ')']).map(|rest| rest.strip_prefix(':').unwrap_or(rest)),
        None => rest.strip_prefix([':', ')']).or_else(|| {
            // `2.5` is a number, `2. Paris` a place.
            rest.strip_prefix('.').filter(|rest| rest.starts_with(char::is_whitespace))
        }),
    };
    match rest {
        Some(rest) if digits > 0 => (Some(number), trim(rest)),
        _ => (None, text),
    }
}

/// How long the JSON string is that the text begins with; 0 where there is none.
fn quoted_length(text: &str) -> usize {
    if !text.starts_with('"') {
        return 0;
    }
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    0
}

/// Where the answer ends that `text` begins with, from its byte `from` on: at `;`, or at `, N:` where `N` is the number that comes
/// next. `None` at the end of the line.
fn end(text: &str, from: usize, next: Option<usize>) -> Option<usize> {
    let begins_next = |at: usize| {
        next.is_some_and(|next| {
            // A number of a place is short.
            let (number, _) = split_number(&text[at + 1..text.floor_char_boundary(at + 32)]);
            number.is_some_and(|number| number.parse() == Ok(next))
        })
    };
    let mut separators = text[from..].match_indices([';', ',']).map(|(at, found)| (from + at, found));
    separators.find(|(at, found)| *found == ";" || begins_next(*at)).map(|(at, _)| at)
}
