//! Answers as values of the item's variables, and back.

use std::collections::HashMap;

use super::Slot;
use crate::assessment::qti::record::Record;
use crate::assessment::qti::value::{BaseType, Cardinality, Single, Type, Value};
use crate::assessment::{Choice, Interaction, Response};

impl Slot {
    /// The value of an answer; NULL for an empty one. The error says why it can't be one.
    pub(in crate::assessment::qti) fn value(
        &self,
        response: &Response,
        of: Type,
    ) -> Result<Option<Value>, String> {
        let cardinality = of.cardinality.unwrap_or(Cardinality::Single);
        let singles = match response {
            Response::Chosen(ids) | Response::Ordered(ids) => {
                self.check_count(ids.len(), "choices")?;
                ids.iter().cloned().map(Single::Identifier).collect()
            }
            Response::Pairs(pairs) => {
                self.check_count(pairs.len(), "pairs")?;
                self.check_uses(pairs)?;
                let pairs = pairs.iter().cloned();
                if of.base == Some(BaseType::Pair) {
                    pairs.map(|(a, b)| Single::Pair(a, b)).collect()
                } else {
                    pairs.map(|(a, b)| Single::DirectedPair(a, b)).collect()
                }
            }
            Response::Text(text) if of.is(Cardinality::Record) => {
                return Ok(Some(Value::Record(Record::new(text))));
            }
            Response::Text(text) if of.base == Some(BaseType::String) => vec![Single::String(text.clone())],
            Response::Text(text) => return Err(format!("`{text}` isn't a number")),
            Response::Number(number, text) => vec![self.number(*number, text, of)?],
            Response::Point(x, y) => vec![Single::Point(*x, *y)],
            Response::Truth(_) => return Err("it isn't a question of true or false".into()),
        };
        if cardinality == Cardinality::Single && singles.len() > 1 {
            return Err(format!("{} answers, but one was asked for", singles.len()));
        }
        Ok(Value::container(singles, cardinality))
    }

    fn number(&self, number: f64, text: &str, of: Type) -> Result<Single, String> {
        if let Some((lower, upper)) =
            self.limits.scale.filter(|(lower, upper)| !(*lower..=*upper).contains(&number))
        {
            return Err(format!("{text} isn't on the scale from {lower} to {upper}"));
        }
        // Every whole number up to here has a float of its own.
        let is_whole = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
        match of.base {
            Some(BaseType::Integer) if is_whole => Ok(Single::Integer(number as i64)),
            Some(BaseType::Integer) => Err(format!("{text} isn't a whole number")),
            _ => Ok(Single::Float(number)),
        }
    }

    fn check_count(&self, found: usize, what: &str) -> Result<(), String> {
        match self.limits.most {
            Some(most) if found > most => Err(format!("{found} {what}, but at most {most} may be made")),
            _ => Ok(()),
        }
    }

    fn check_uses(&self, pairs: &[(String, String)]) -> Result<(), String> {
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for id in pairs.iter().flat_map(|(a, b)| [a, b]) {
            let used = uses.entry(id).or_default();
            *used += 1;
            if let Some(most) = self.limits.uses.get(id).filter(|most| *used > **most) {
                return Err(format!("`{id}` is used more often than it may be ({most})"));
            }
        }
        Ok(())
    }

    /// A value as an answer, in the order in which answers are read; `None` where the interaction has no answer like it.
    pub(in crate::assessment::qti) fn response(&self, value: &Value) -> Option<Response> {
        match &self.interaction {
            Interaction::Choice { choices, .. } | Interaction::InlineChoice { choices } => {
                let places = places(choices);
                let mut chosen: Vec<String> = texts(value)?;
                let known = chosen.iter().all(|id| places.contains_key(id.as_str()));
                chosen.sort_by_key(|id| places.get(id.as_str()).copied());
                known.then_some(Response::Chosen(chosen))
            }
            Interaction::Order { choices } => {
                let places = places(choices);
                let ids: Vec<String> = texts(value)?;
                ids.iter().all(|id| places.contains_key(id.as_str())).then_some(Response::Ordered(ids))
            }
            Interaction::Match { sources, targets } => pairs(value, sources, targets, false),
            Interaction::GapMatch { fillings, gaps } => pairs(value, gaps, fillings, true),
            Interaction::Text | Interaction::Essay => {
                value.values().first()?.text().map(|text| Response::Text(text.into()))
            }
            Interaction::Number => match value.values().first()? {
                Single::Integer(number) => Some(Response::Number(*number as f64, number.to_string())),
                Single::Float(number) => Some(Response::Number(*number, number.to_string())),
                _ => None,
            },
            Interaction::Point => match value.values().first()? {
                Single::Point(x, y) => Some(Response::Point(*x, *y)),
                _ => None,
            },
            Interaction::Truth => None,
        }
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.values().iter().map(|single| single.text().map(str::to_owned)).collect()
}

fn places(choices: &[Choice]) -> HashMap<&str, usize> {
    choices.iter().enumerate().map(|(place, choice)| (choice.id.as_str(), place)).collect()
}

/// Pairs in the order of the numbered list, then of the lettered one. `turned` where a pair begins with the lettered one, as the
/// filling of a gap does.
fn pairs(value: &Value, numbered: &[Choice], lettered: &[Choice], turned: bool) -> Option<Response> {
    let (numbers, letters) = (places(numbered), places(lettered));
    let mut found = Vec::new();
    for single in value.values() {
        let (Single::Pair(a, b) | Single::DirectedPair(a, b)) = single else { return None };
        let (number, letter) = if turned { (b, a) } else { (a, b) };
        let key = (*numbers.get(number.as_str())?, *letters.get(letter.as_str())?);
        found.push((key, (a.clone(), b.clone())));
    }
    found.sort_unstable();
    Some(Response::Pairs(found.into_iter().map(|(_, pair)| pair).collect()))
}
