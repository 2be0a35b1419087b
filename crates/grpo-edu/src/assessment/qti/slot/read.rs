//! Interactions from XML.

use std::collections::HashSet;

use super::{Limits, Slot, is_interaction, reason_against};
use crate::assessment::qti::body;
use crate::assessment::qti::declaration::Declarations;
use crate::assessment::qti::error::Reading;
use crate::assessment::qti::value::{BaseType, Cardinality, Type};
use crate::assessment::qti::xml::Element;
use crate::assessment::{Choice, Interaction};

impl Slot {
    /// Reads an interaction. `is_scored` says whether response processing looks at a response.
    pub(in crate::assessment::qti) fn read(
        element: &Element,
        scope: &Declarations,
        is_scored: impl Fn(usize) -> bool,
    ) -> Reading<Self> {
        if let Some(reason) = reason_against(&element.name) {
            return Err(element.unsupported(format!("{reason}: leave items with it out of the package")));
        }
        if let Some(nested) = nested(element) {
            return Err(nested.fault("an interaction can't stand in another one"));
        }
        let response = scope.find_response(element, "responseIdentifier")?;
        let of = scope.responses[response].of;
        let (interaction, limits) = match element.name.as_str() {
            "choiceInteraction" => read_choice(element, of, "simpleChoice")?,
            "hottextInteraction" => read_choice(element, of, "hottext")?,
            "inlineChoiceInteraction" => {
                need(element, of, &[Cardinality::Single], &[BaseType::Identifier])?;
                let choices = read_choices(element, &collect(element, "inlineChoice"))?;
                (Interaction::InlineChoice { choices }, Limits { most: Some(1), ..Limits::default() })
            }
            "orderInteraction" => {
                need(element, of, &[Cardinality::Ordered], &[BaseType::Identifier])?;
                let choices = read_choices(element, &collect(element, "simpleChoice"))?;
                let most = element.count("maxChoices")?.filter(|most| *most > 0);
                (Interaction::Order { choices }, Limits { most, ..Limits::default() })
            }
            "matchInteraction" => read_match(element, of)?,
            "associateInteraction" => read_associate(element, of)?,
            "gapMatchInteraction" => read_gap_match(element, of)?,
            "textEntryInteraction" | "extendedTextInteraction" => {
                (read_text(element, of, is_scored(response))?, Limits::default())
            }
            "sliderInteraction" => read_slider(element, of)?,
            "selectPointInteraction" => read_point(element, of)?,
            _ => return Err(element.unsupported("it isn't an interaction that is read")),
        };
        let note = limits.scale.map(|(lower, upper)| format!("(a number from {lower} to {upper})"));
        Ok(Self { interaction, response, note, limits })
    }
}

fn nested(element: &Element) -> Option<&Element> {
    element.elements().find_map(|part| if is_interaction(part) { Some(part) } else { nested(part) })
}

/// Checks the type of the response.
fn need(element: &Element, of: Type, cardinalities: &[Cardinality], bases: &[BaseType]) -> Reading<()> {
    let cardinality = of.cardinality.is_some_and(|cardinality| cardinalities.contains(&cardinality));
    let base =
        of.base.is_none_or(|base| bases.contains(&base)) && (of.base.is_some() || of.is(Cardinality::Record));
    if cardinality && base {
        return Ok(());
    }
    let cardinalities = cardinalities.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let bases = bases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let problem = format!(
        "its response is {of}, but must have the cardinality {cardinalities} and the baseType {bases}"
    );
    Err(element.fault(problem))
}

/// All elements of a name within another one.
fn collect<'a>(element: &'a Element, name: &str) -> Vec<&'a Element> {
    let mut found = Vec::new();
    walk(element, &mut |part| {
        if part.name == name {
            found.push(part);
        }
    });
    found
}

fn walk<'a>(element: &'a Element, visit: &mut impl FnMut(&'a Element)) {
    for part in element.elements() {
        visit(part);
        walk(part, visit);
    }
}

fn read_choices(element: &Element, parts: &[&Element]) -> Reading<Vec<Choice>> {
    let mut seen = HashSet::new();
    let mut choices = Vec::new();
    for part in parts {
        if part.attribute("templateIdentifier").is_some() {
            return Err(part.unsupported("whether it is shown depends on a template: write the item out"));
        }
        let id = part.required("identifier")?.trim().to_owned();
        if id.is_empty() || id.contains(char::is_whitespace) {
            return Err(part.fault("`identifier` must be a name without blanks"));
        }
        if !seen.insert(id.clone()) {
            return Err(part.fault(format!("there is another choice `{id}`: rename one of them")));
        }
        choices.push(Choice { id, text: body::plain(part)? });
    }
    if choices.is_empty() {
        return Err(element.fault("there is nothing in it to choose from"));
    }
    Ok(choices)
}

/// `maxChoices` or `maxAssociations`: 1 where it isn't said, as the standard has it, and 0 for any number.
fn most(element: &Element, attribute: &str) -> Reading<Option<usize>> {
    Ok(Some(element.count(attribute)?.unwrap_or(1)).filter(|most| *most > 0))
}

fn read_choice(element: &Element, of: Type, name: &str) -> Reading<(Interaction, Limits)> {
    need(element, of, &[Cardinality::Single, Cardinality::Multiple], &[BaseType::Identifier])?;
    let choices = read_choices(element, &collect(element, name))?;
    let most = most(element, "maxChoices")?;
    if of.is(Cardinality::Single) && most != Some(1) {
        let problem = "its response is single, but `maxChoices` allows more than one: make the cardinality `multiple`, or `maxChoices` 1";
        return Err(element.fault(problem));
    }
    Ok((Interaction::Choice { choices, max: most.unwrap_or(0) }, Limits { most, ..Limits::default() }))
}

/// How often each may be used.
fn read_uses(parts: &[&Element], limits: &mut Limits) -> Reading<()> {
    for part in parts {
        part.required("matchMax")?;
        if let Some(most) = part.count("matchMax")?.filter(|most| *most > 0) {
            limits.uses.insert(part.required("identifier")?.trim().to_owned(), most);
        }
    }
    Ok(())
}

fn read_match(element: &Element, of: Type) -> Reading<(Interaction, Limits)> {
    need(element, of, &[Cardinality::Single, Cardinality::Multiple], &[BaseType::DirectedPair])?;
    let sets: Vec<&Element> = element.elements().filter(|part| part.name == "simpleMatchSet").collect();
    let &[sources, targets] = sets.as_slice() else {
        return Err(element.fault(format!("it has {} <simpleMatchSet>, but needs two", sets.len())));
    };
    let mut limits = Limits { most: most(element, "maxAssociations")?, ..Limits::default() };
    let all = collect(element, "simpleAssociableChoice");
    // An identifier in both sets could be counted for the wrong one.
    read_choices(element, &all)?;
    read_uses(&all, &mut limits)?;
    let read_set = |set: &Element| read_choices(set, &collect(set, "simpleAssociableChoice"));
    let (sources, targets) = (read_set(sources)?, read_set(targets)?);
    Ok((Interaction::Match { sources, targets }, limits))
}

fn read_associate(element: &Element, of: Type) -> Reading<(Interaction, Limits)> {
    need(element, of, &[Cardinality::Single, Cardinality::Multiple], &[BaseType::Pair])?;
    let mut limits = Limits { most: most(element, "maxAssociations")?, ..Limits::default() };
    let parts = collect(element, "simpleAssociableChoice");
    read_uses(&parts, &mut limits)?;
    let choices = read_choices(element, &parts)?;
    Ok((Interaction::Match { sources: choices.clone(), targets: choices }, limits))
}

fn read_gap_match(element: &Element, of: Type) -> Reading<(Interaction, Limits)> {
    need(element, of, &[Cardinality::Single, Cardinality::Multiple], &[BaseType::DirectedPair])?;
    let texts: Vec<&Element> =
        element.elements().filter(|part| matches!(part.name.as_str(), "gapText" | "gapImg")).collect();
    let gaps = collect(element, "gap");
    let mut limits = Limits::default();
    read_uses(&texts, &mut limits)?;
    let fillings = read_choices(element, &texts)?;
    let gaps = read_choices(element, &gaps)?;
    // The two kinds must not share identifiers, because uses are counted by them.
    let names: HashSet<&str> = fillings.iter().map(|filling| filling.id.as_str()).collect();
    for gap in &gaps {
        if names.contains(gap.id.as_str()) {
            return Err(
                element.fault(format!("a gap and a text are both called `{}`: rename one of them", gap.id))
            );
        }
        limits.uses.insert(gap.id.clone(), 1);
    }
    Ok((Interaction::GapMatch { fillings, gaps }, limits))
}

fn read_text(element: &Element, of: Type, is_scored: bool) -> Reading<Interaction> {
    let bases = [BaseType::String, BaseType::Integer, BaseType::Float];
    need(element, of, &[Cardinality::Single, Cardinality::Record], &bases)?;
    if element.attribute("base").is_some_and(|base| base.trim() != "10") {
        return Err(element.unsupported("numbers are read in base 10: remove `base`"));
    }
    let is_long = element.name == "extendedTextInteraction";
    Ok(match of.base {
        Some(BaseType::Integer | BaseType::Float) => Interaction::Number,
        _ if is_long && !is_scored => Interaction::Essay,
        _ => Interaction::Text,
    })
}

fn read_slider(element: &Element, of: Type) -> Reading<(Interaction, Limits)> {
    need(element, of, &[Cardinality::Single], &[BaseType::Integer, BaseType::Float])?;
    element.required("lowerBound").and(element.required("upperBound"))?;
    let scale = element.number("lowerBound")?.zip(element.number("upperBound")?);
    match scale {
        Some((lower, upper)) if lower < upper => {}
        _ => return Err(element.fault("`lowerBound` must be below `upperBound`")),
    }
    Ok((Interaction::Number, Limits { scale, ..Limits::default() }))
}

fn read_point(element: &Element, of: Type) -> Reading<(Interaction, Limits)> {
    need(element, of, &[Cardinality::Single, Cardinality::Multiple], &[BaseType::Point])?;
    if most(element, "maxChoices")? != Some(1) {
        return Err(element.unsupported("one point is asked for, not several: set `maxChoices` to 1"));
    }
    Ok((Interaction::Point, Limits::default()))
}
