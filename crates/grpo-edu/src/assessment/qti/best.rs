//! The best that can be answered, and what an item's score can lie between.
//!
//! An item says what its score ends at with `normalMaximum` and `normalMinimum`, or with outcomes `MAXSCORE` and `MINSCORE`. Where
//! it says nothing, the ends follow from its rules as far as that is certain.

use super::declaration::{Declarations, ResponseDeclaration};
use super::processing::{Form, Processing};
use super::slot::Slot;
use super::value::{BaseType, Cardinality, Single, Type, Value};
use crate::assessment::Interaction;

/// What a score lies between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) min: f64,
    pub(super) max: f64,
}

/// The scoring of an item, as far as its ends are concerned.
pub(super) struct Scoring<'a> {
    pub(super) declarations: &'a Declarations,
    pub(super) slots: &'a [Slot],
    pub(super) processing: &'a Processing,
    /// The outcome `SCORE`.
    pub(super) score: usize,
}

impl Scoring<'_> {
    /// The score of responses; `None` where processing was stopped.
    pub(super) fn score(&self, responses: &[Option<Value>]) -> Option<f64> {
        let outcomes = self.processing.run(self.declarations, responses).ok()?;
        match &outcomes[self.score] {
            Some(value) => value.clone().into_single()?.number(),
            None => Some(0.0),
        }
    }

    /// The values that answer every place right, as the item states them. Variables that nothing sets stay NULL.
    pub(super) fn correct(&self) -> Vec<Option<Value>> {
        self.answered(|_, declared| declared.correct.clone())
    }

    /// The values that are worth the most by the mappings; where there is none, the correct ones.
    pub(super) fn best(&self) -> Vec<Option<Value>> {
        self.answered(|slot, declared| best_mapped(slot, declared).or_else(|| declared.correct.clone()))
    }

    fn worst(&self) -> Vec<Option<Value>> {
        self.answered(worst_mapped)
    }

    fn answered(&self, answer: impl Fn(&Slot, &ResponseDeclaration) -> Option<Value>) -> Vec<Option<Value>> {
        let mut values = vec![None; self.declarations.responses.len()];
        for slot in self.slots {
            values[slot.response] = answer(slot, &self.declarations.responses[slot.response]);
        }
        values
    }

    /// The values with the full score: the correct ones or, where they earn less, the best mapped ones.
    pub(super) fn solution(&self, max: f64) -> Option<Vec<Option<Value>>> {
        [self.correct(), self.best()].into_iter().find(|values| {
            let answers = values.iter().any(Option::is_some);
            answers && self.score(values).is_some_and(|score| score >= max)
        })
    }

    /// The ends of the score; the error says what to declare.
    pub(super) fn range(&self) -> Result<Range, String> {
        let outcome = &self.declarations.outcomes[self.score];
        let declared = |name| {
            let index = self.declarations.outcome(name)?;
            // Without a default of its own it is 0, which says nothing.
            self.declarations.outcomes[index].default_number().filter(|number| *number != 0.0)
        };
        let max = outcome.normal_maximum.or_else(|| declared("MAXSCORE")).or_else(|| self.derived_maximum());
        let min =
            outcome.normal_minimum.or_else(|| declared("MINSCORE")).unwrap_or_else(|| self.derived_minimum());
        let max = max.ok_or("what the highest score is can't be told from its rules: add `normalMaximum` to the outcome `SCORE`")?;
        if min > max {
            return Err(format!(
                "its lowest score {min} is above its highest {max}: correct `normalMinimum` or `normalMaximum`"
            ));
        }
        Ok(Range { min, max })
    }

    fn derived_maximum(&self) -> Option<f64> {
        let first = self.declarations.response("RESPONSE").map(|index| &self.declarations.responses[index]);
        match self.processing.form {
            Form::MatchCorrect => Some(1.0),
            Form::MapResponse | Form::MapResponsePoint => {
                let best = self.score(&self.best())?;
                let correct = self.score(&self.correct())?;
                let reached = best.max(correct);
                let slot = self.slots.iter().find(|slot| first.is_some_and(|first| self.is(slot, first)));
                let bound = first.and_then(|first| {
                    let mapping = first.mapping.as_ref().and_then(|mapping| mapping.bounds.upper);
                    mapping.or_else(|| first.areas.as_ref()?.bounds.upper)
                });
                let is_exact = slot.zip(first).is_none_or(|(slot, first)| is_exact(slot, first));
                // Above the bound nothing is; below it, only a choice without conflicts is surely the best.
                (is_exact || bound == Some(reached)).then_some(reached)
            }
            Form::Custom => {
                let known = self.slots.iter().all(|slot| {
                    let declared = &self.declarations.responses[slot.response];
                    let unscored = !self.processing.uses(slot.response);
                    unscored
                        || declared.correct.is_some()
                        || declared.mapping.is_some()
                        || declared.areas.is_some()
                });
                let best = self.score(&self.best())?.max(self.score(&self.correct())?);
                (known && best > 0.0).then_some(best)
            }
        }
    }

    fn is(&self, slot: &Slot, declared: &ResponseDeclaration) -> bool {
        self.declarations.responses[slot.response].identifier == declared.identifier
    }

    /// 0, or what the worst mapped answers get.
    fn derived_minimum(&self) -> f64 {
        let nothing = vec![None; self.declarations.responses.len()];
        let scores = [nothing, self.worst()].map(|values| self.score(&values).unwrap_or(0.0));
        scores.into_iter().fold(0.0, f64::min)
    }
}

/// Everything that can be put into an answer, with what it is worth, the best first.
fn priced(slot: &Slot, declared: &ResponseDeclaration) -> Option<Vec<(Single, f64)>> {
    let mapping = declared.mapping.as_ref()?;
    let price = |single: Single| {
        let worth = mapping.worth(&single);
        (single, worth)
    };
    let mut priced: Vec<(Single, f64)> = match &slot.interaction {
        Interaction::Choice { choices, .. }
        | Interaction::InlineChoice { choices }
        | Interaction::Order { choices } => {
            choices.iter().map(|choice| price(Single::Identifier(choice.id.clone()))).collect()
        }
        Interaction::Match { .. }
        | Interaction::GapMatch { .. }
        | Interaction::Text
        | Interaction::Number
        | Interaction::Point
        | Interaction::Essay
        | Interaction::Truth => mapping.entries.iter().map(|(single, _)| price(single.clone())).collect(),
    };
    priced.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Some(priced)
}

/// What is worth the most: for several values the best ones, one after the other, as far as the interaction allows.
fn best_mapped(slot: &Slot, declared: &ResponseDeclaration) -> Option<Value> {
    if let Some(areas) = &declared.areas {
        let (point, worth) = areas.best()?;
        let cardinality = declared.of.cardinality?;
        return (worth > 0.0)
            .then(|| Value::container(vec![Single::Point(point[0], point[1])], cardinality))?;
    }
    let wanted = priced(slot, declared)?.into_iter().filter(|(_, worth)| *worth > 0.0);
    gathered(slot, declared.of, wanted.map(|(single, _)| single))
}

/// What costs the most.
fn worst_mapped(slot: &Slot, declared: &ResponseDeclaration) -> Option<Value> {
    let unwanted = priced(slot, declared)?.into_iter().rev().filter(|(_, worth)| *worth < 0.0);
    gathered(slot, declared.of, unwanted.map(|(single, _)| single))
}

/// The longest run of values that is an answer, leaving out what conflicts with those before.
fn gathered(slot: &Slot, of: Type, wanted: impl Iterator<Item = Single>) -> Option<Value> {
    // Each value is tried against all before it, so that thousands would take too long.
    const MOST: usize = 300;
    let cardinality = of.cardinality?;
    let mut chosen: Vec<Single> = Vec::new();
    for single in wanted.take(MOST) {
        chosen.push(single);
        if !is_answer(slot, of, Value::container(chosen.clone(), cardinality)) {
            chosen.pop();
        } else if cardinality == Cardinality::Single {
            break;
        }
    }
    Value::container(chosen, cardinality)
}

fn is_answer(slot: &Slot, of: Type, value: Option<Value>) -> bool {
    let response = value.as_ref().and_then(|value| slot.response(value));
    response.is_some_and(|response| slot.value(&response, of).is_ok())
}

/// Whether taking the best one after the other finds the best answer: not so where one pair keeps out two others, or where values
/// that aren't listed are worth something.
fn is_exact(slot: &Slot, declared: &ResponseDeclaration) -> bool {
    let Some(mapping) = &declared.mapping else {
        // The best point is found by trying; what lies outside of all areas must not be better.
        return declared
            .areas
            .as_ref()
            .is_some_and(|areas| areas.best().is_some_and(|(_, best)| best >= areas.default));
    };
    match &slot.interaction {
        Interaction::Choice { .. } | Interaction::InlineChoice { .. } | Interaction::Order { .. } => true,
        Interaction::Text | Interaction::Number | Interaction::Essay => {
            mapping.entries.iter().any(|(_, worth)| *worth >= mapping.default)
        }
        Interaction::Match { .. } | Interaction::GapMatch { .. } => {
            let wanted: Vec<Single> = mapping
                .entries
                .iter()
                .filter(|(_, worth)| *worth > 0.0)
                .map(|(single, _)| single.clone())
                .collect();
            let all = declared.of.cardinality.and_then(|cardinality| Value::container(wanted, cardinality));
            let is_pair = matches!(declared.of.base, Some(BaseType::Pair | BaseType::DirectedPair));
            is_pair
                && mapping.default <= 0.0
                && (declared.of.is(Cardinality::Single) || is_answer(slot, declared.of, all))
        }
        Interaction::Point | Interaction::Truth => false,
    }
}
