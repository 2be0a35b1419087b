//! How an answer of each kind is read.

use grpo_rewards::number::Number;

use super::options::{Labels, Options};
use super::text::{bare, brief, trim};
use super::{Choice, Interaction, MAX_ANSWER, Response, Unreadable, pairs};

/// Reads the answer of one interaction, which stands alone in `part`.
pub(super) fn read(interaction: &Interaction, part: &str) -> Result<Response, Unreadable> {
    let part = trim(part);
    let long = !matches!(interaction, Interaction::Essay);
    if part.is_empty() {
        return Err(Unreadable::Nothing);
    }
    if long && part.len() > MAX_ANSWER {
        return Err(Unreadable::TooLong { found: part.len() });
    }
    match interaction {
        Interaction::Choice { choices, max } => chosen(choices, *max, part),
        Interaction::InlineChoice { choices } => chosen(choices, 1, part),
        Interaction::Order { choices } => ordered(choices, part),
        Interaction::Match { sources, targets } => {
            let (sources, targets) =
                (Options::new(sources, Labels::Numbers), Options::new(targets, Labels::Letters));
            let pairs = pairs::read(&sources, &targets, part)?.into_iter();
            Ok(Response::Pairs(
                pairs.map(|(source, target)| (sources.id(source), targets.id(target))).collect(),
            ))
        }
        Interaction::GapMatch { fillings, gaps } => {
            let (gaps, fillings) =
                (Options::new(gaps, Labels::Numbers), Options::new(fillings, Labels::Letters));
            let pairs = pairs::read(&gaps, &fillings, part)?.into_iter();
            Ok(Response::Pairs(pairs.map(|(gap, filling)| (fillings.id(filling), gaps.id(gap))).collect()))
        }
        Interaction::Text | Interaction::Essay => Ok(Response::Text(text(part))),
        Interaction::Number => Ok(number(&text(part))),
        Interaction::Point => point(part),
        Interaction::Truth => truth(part).map(Response::Truth),
    }
}

fn chosen(choices: &[Choice], max: usize, part: &str) -> Result<Response, Unreadable> {
    let options = Options::new(choices, Labels::Letters);
    // Where one is wanted, a text with commas is one option and not several.
    let one = if max == 1 { options.one(part) } else { Err(Unreadable::Nothing) };
    let mut list = match one {
        Ok(index) => vec![index],
        Err(refusal @ (Unreadable::Contradiction { .. } | Unreadable::Ambiguous { .. })) => {
            return Err(refusal);
        }
        Err(_) => options.list(part)?,
    };
    list.sort_unstable();
    list.dedup();
    if max > 0 && list.len() > max {
        return Err(Unreadable::TooMany { found: list.len(), wanted: max });
    }
    Ok(Response::Chosen(list.into_iter().map(|index| options.id(index)).collect()))
}

fn ordered(choices: &[Choice], part: &str) -> Result<Response, Unreadable> {
    let options = Options::new(choices, Labels::Letters);
    let list = options.list(part)?;
    let mut seen = vec![false; choices.len()];
    for index in &list {
        if std::mem::replace(&mut seen[*index], true) {
            return Err(Unreadable::Repeated { found: Labels::Letters.of(*index) });
        }
    }
    Ok(Response::Ordered(list.into_iter().map(|index| options.id(index)).collect()))
}

/// The text without markup around it; what is in quotes is a JSON string if it can be one.
pub(super) fn text(part: &str) -> String {
    let inner = bare(part);
    let quoted = inner.len() > 1 && inner.starts_with('"') && inner.ends_with('"');
    let unquoted = if quoted { serde_json::from_str(inner).ok() } else { None };
    unquoted.unwrap_or_else(|| inner.into())
}

fn number(text: &str) -> Response {
    match text.parse::<Number>().map(|number| number.to_f64()) {
        Ok(value) if value.is_finite() => Response::Number(value, text.into()),
        _ => Response::Text(text.into()),
    }
}

fn point(part: &str) -> Result<Response, Unreadable> {
    let inner = bare(part).trim_end_matches('.');
    let inner = inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(inner);
    let mut numbers =
        inner.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')).filter(|word| !word.is_empty());
    let mut next = || numbers.next()?.parse::<f64>().ok().filter(|number| number.is_finite());
    match (next(), next(), next()) {
        (Some(x), Some(y), None) if numbers.next().is_none() => Ok(Response::Point(x, y)),
        _ => Err(Unreadable::NotPoint { found: brief(part) }),
    }
}

fn truth(part: &str) -> Result<bool, Unreadable> {
    let word = bare(part).trim_end_matches('.');
    let is = |names: [&str; 3]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    match (is(["true", "t", "yes"]), is(["false", "f", "no"])) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Unreadable::NotTruth { found: brief(part) }),
    }
}
