//! Response processing: the rules by which responses become outcomes.

use super::declaration::{Declarations, Reference};
use super::error::Reading;
use super::expression::{Budget, Exhausted, Expression, State};
use super::mapping::Table;
use super::value::{BaseType, Cardinality, Single, Type, Value};
use super::xml::Element;

/// What is done with the responses.
#[derive(Debug)]
pub(super) struct Processing {
    pub(super) form: Form,
    rules: Vec<Rule>,
    /// Which responses the rules read.
    used: Vec<bool>,
}

/// In which form the rules were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    MatchCorrect,
    MapResponse,
    MapResponsePoint,
    Custom,
}

#[derive(Debug)]
enum Rule {
    /// The first branch whose condition holds is followed; the last may have none.
    Branches(Vec<(Option<Expression>, Vec<Rule>)>),
    Set(usize, Expression),
    LookUp(usize, Expression),
    Exit,
}

/// Whether processing goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Exit,
}

impl Processing {
    /// Reads `responseProcessing`; `None` where it is empty.
    pub(super) fn read(element: &Element, scope: &Declarations) -> Reading<Option<Self>> {
        let has_rules = element.elements().next().is_some();
        let template = element.attribute("template").or(element.attribute("templateLocation"));
        match (template, has_rules) {
            (Some(_), true) => {
                Err(element.fault("it has a template and rules of its own: remove one of the two"))
            }
            (Some(template), false) => Self::of_template(element, template, scope).map(Some),
            (None, true) => {
                let rules = read_rules(element.elements(), scope)?;
                Ok(Some(Self::new(Form::Custom, rules, scope)))
            }
            (None, false) => Ok(None),
        }
    }

    /// The rules of a standard template, which is known by its name.
    fn of_template(element: &Element, template: &str, scope: &Declarations) -> Reading<Self> {
        let name = template.trim().rsplit('/').next().unwrap_or_default();
        let form = match name.strip_suffix(".xml").unwrap_or(name) {
            "match_correct" => Form::MatchCorrect,
            "map_response" => Form::MapResponse,
            "map_response_point" => Form::MapResponsePoint,
            _ => {
                let problem = format!(
                    "the template `{template}` isn't known; match_correct, map_response and map_response_point are: \
                     write its rules into the item"
                );
                return Err(element.unsupported(problem));
            }
        };
        let need = |what: &str| element.fault(format!("the template `{name}` needs {what}"));
        let response = scope.response("RESPONSE").ok_or_else(|| need("a response variable `RESPONSE`"))?;
        let score = scope.outcome("SCORE").ok_or_else(|| need("an outcome variable `SCORE`"))?;
        let of = scope.outcomes[score].of;
        let number = of.base.filter(|base| base.is_number() && of.is(Cardinality::Single));
        let base = number.ok_or_else(|| need("`SCORE` to be a single float or integer"))?;
        let declared = &scope.responses[response];
        let zero = || vec![Rule::Set(score, Expression::number(0, base))];
        let mapped = |worth| vec![(None, vec![Rule::Set(score, worth)])];
        let branches = match form {
            Form::MatchCorrect | Form::Custom => {
                if declared.correct.is_none() {
                    return Err(need("`RESPONSE` to have a <correctResponse>"));
                }
                let one = vec![Rule::Set(score, Expression::number(1, base))];
                vec![(Some(Expression::is_correct(response, scope)), one), (None, zero())]
            }
            Form::MapResponse if declared.mapping.is_none() => {
                return Err(need("`RESPONSE` to have a <mapping>"));
            }
            Form::MapResponsePoint if declared.areas.is_none() => {
                return Err(need("`RESPONSE` to have an <areaMapping>"));
            }
            Form::MapResponse | Form::MapResponsePoint if base != BaseType::Float => {
                return Err(need("`SCORE` to have the baseType `float`"));
            }
            // NULL is mapped to 0 as the templates have it.
            Form::MapResponse => mapped(Expression::mapped(response)),
            Form::MapResponsePoint => mapped(Expression::mapped_point(response)),
        };
        Ok(Self::new(form, vec![Rule::Branches(branches)], scope))
    }

    /// The outcomes of responses; outcomes begin with their defaults.
    pub(super) fn run(
        &self,
        declarations: &Declarations,
        responses: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, Exhausted> {
        let outcomes = declarations.outcomes.iter().map(|outcome| outcome.default.clone()).collect();
        let mut state = State { declarations, responses, outcomes, budget: Budget::default() };
        follow(&self.rules, &mut state)?;
        Ok(state.outcomes)
    }

    fn new(form: Form, rules: Vec<Rule>, scope: &Declarations) -> Self {
        let mut used = vec![false; scope.responses.len()];
        rules.iter().for_each(|rule| rule.mark_used(&mut used));
        Self { form, rules, used }
    }

    /// Whether a response is read anywhere in it.
    pub(super) fn uses(&self, response: usize) -> bool {
        self.used[response]
    }
}

impl Rule {
    fn mark_used(&self, used: &mut [bool]) {
        match self {
            Self::Branches(branches) => {
                for (condition, rules) in branches {
                    condition.iter().for_each(|condition| condition.mark_used(used));
                    rules.iter().for_each(|rule| rule.mark_used(used));
                }
            }
            Self::Set(_, value) | Self::LookUp(_, value) => value.mark_used(used),
            Self::Exit => {}
        }
    }
}

fn follow(rules: &[Rule], state: &mut State) -> Result<Flow, Exhausted> {
    for rule in rules {
        state.budget.spend(1)?;
        match rule {
            Rule::Exit => return Ok(Flow::Exit),
            Rule::Set(outcome, value) => {
                let value = value.evaluate(state)?;
                state.outcomes[*outcome] = promoted(value, state.declarations.outcomes[*outcome].of);
            }
            Rule::LookUp(outcome, value) => {
                let source =
                    value.evaluate(state)?.and_then(Value::into_single).and_then(|single| single.number());
                let table = state.declarations.outcomes[*outcome].table.as_ref();
                state.budget.spend(table.map_or(0, Table::len))?;
                state.outcomes[*outcome] = table.and_then(|table| table.look_up(source)).map(Value::Single);
            }
            Rule::Branches(branches) => {
                if follow_branches(branches, state)? == Flow::Exit {
                    return Ok(Flow::Exit);
                }
            }
        }
    }
    Ok(Flow::On)
}

fn follow_branches(
    branches: &[(Option<Expression>, Vec<Rule>)],
    state: &mut State,
) -> Result<Flow, Exhausted> {
    for (condition, rules) in branches {
        let holds = match condition {
            Some(condition) => condition.holds(state)?,
            None => true,
        };
        if holds {
            return follow(rules, state);
        }
    }
    Ok(Flow::On)
}

/// An integer becomes a float where the outcome is one.
fn promoted(value: Option<Value>, of: Type) -> Option<Value> {
    match value {
        Some(Value::Single(Single::Integer(number))) if of.base == Some(BaseType::Float) => {
            Some(Value::Single(Single::Float(number as f64)))
        }
        other => other,
    }
}

fn read_rules<'a>(elements: impl Iterator<Item = &'a Element>, scope: &Declarations) -> Reading<Vec<Rule>> {
    let mut rules = Vec::new();
    for element in elements {
        match element.name.as_str() {
            "responseCondition" => rules.push(Rule::Branches(read_branches(element, scope)?)),
            "setOutcomeValue" => {
                let outcome = find_outcome(element, scope)?;
                let value = only_expression(element, scope)?;
                check_assignment(element, scope.outcomes[outcome].of, value.of)?;
                rules.push(Rule::Set(outcome, value));
            }
            "lookupOutcomeValue" => {
                let outcome = find_outcome(element, scope)?;
                if scope.outcomes[outcome].table.is_none() {
                    let problem = "the outcome has no <matchTable> or <interpolationTable>: declare one";
                    return Err(element.fault(problem));
                }
                let value = only_expression(element, scope)?;
                if !(value.of.is(Cardinality::Single) && value.of.holds_numbers()) {
                    return Err(
                        element.fault(format!("it looks up {}, but must look up a single number", value.of))
                    );
                }
                rules.push(Rule::LookUp(outcome, value));
            }
            "responseProcessingFragment" => rules.extend(read_rules(element.elements(), scope)?),
            "exitResponse" => rules.push(Rule::Exit),
            "setCorrectResponse" | "setDefaultValue" | "setTemplateValue" => {
                return Err(element.fault("it belongs into template processing, which isn't read"));
            }
            "include" => {
                return Err(element.unsupported("rules in other files aren't read: write them into the item"));
            }
            _ => return Err(element.unsupported("response processing has no such rule: check the spelling")),
        }
    }
    Ok(rules)
}

fn read_branches(element: &Element, scope: &Declarations) -> Reading<Vec<(Option<Expression>, Vec<Rule>)>> {
    let mut branches = Vec::new();
    let mut closed = false;
    for (place, part) in element.elements().enumerate() {
        let expected = match part.name.as_str() {
            "responseIf" => place == 0,
            "responseElseIf" => place > 0 && !closed,
            "responseElse" => place > 0 && !std::mem::replace(&mut closed, true),
            _ => false,
        };
        if !expected {
            let order = "one <responseIf>, then any <responseElseIf>, then at most one <responseElse>";
            return Err(part.fault(format!("a <responseCondition> has {order}")));
        }
        let mut inside = part.elements();
        let condition = if part.name == "responseElse" {
            None
        } else {
            let first = inside.next().ok_or_else(|| part.fault("it needs an expression"))?;
            let condition = Expression::read(first, scope)?;
            if !(condition.of.is(Cardinality::Single) && condition.of.holds(BaseType::Boolean)) {
                return Err(first
                    .fault(format!("a condition must be a single boolean, but this is {}", condition.of)));
            }
            Some(condition)
        };
        branches.push((condition, read_rules(inside, scope)?));
    }
    if branches.is_empty() {
        return Err(element.fault("it needs a <responseIf>"));
    }
    Ok(branches)
}

fn find_outcome(element: &Element, scope: &Declarations) -> Reading<usize> {
    match scope.find(element)? {
        Reference::Outcome(index) => Ok(index),
        Reference::Response(_) | Reference::Attempts => Err(element
            .fault("only outcomes can be set: declare an <outcomeDeclaration>, or correct the identifier")),
    }
}

fn only_expression(element: &Element, scope: &Declarations) -> Reading<Expression> {
    let mut parts = element.elements();
    match (parts.next(), parts.next()) {
        (Some(only), None) => Expression::read(only, scope),
        (None, _) => Err(element.fault("it needs an expression")),
        (_, Some(_)) => Err(element.fault("it must hold one expression only")),
    }
}

fn check_assignment(element: &Element, outcome: Type, value: Type) -> Reading<()> {
    let cardinality = value.cardinality.is_none() || value.cardinality == outcome.cardinality;
    let promotes = outcome.base == Some(BaseType::Float)
        && value.base == Some(BaseType::Integer)
        && value.is(Cardinality::Single);
    let base = value.base.is_none() || value.base == outcome.base || promotes;
    if cardinality && base {
        return Ok(());
    }
    let hint = if outcome.base == Some(BaseType::Integer) && value.base == Some(BaseType::Float) {
        "declare the outcome as float, or use <round> or <truncate>"
    } else {
        "give both the same type"
    };
    Err(element.fault(format!("it sets an outcome of the type {outcome} to {value}: {hint}")))
}
