//! Variables of an item: what they are called, what they hold, what is right.

use std::collections::HashMap;

use super::error::Reading;
use super::mapping::{AreaMapping, Mapping, Table};
use super::value::{BaseType, Cardinality, Single, Type, Value};
use super::xml::Element;

/// A variable that an interaction sets.
#[derive(Debug)]
pub(super) struct ResponseDeclaration {
    pub(super) identifier: String,
    pub(super) of: Type,
    pub(super) default: Option<Value>,
    pub(super) correct: Option<Value>,
    pub(super) mapping: Option<Mapping>,
    pub(super) areas: Option<AreaMapping>,
}

/// A variable that response processing sets.
#[derive(Debug)]
pub(super) struct OutcomeDeclaration {
    pub(super) of: Type,
    pub(super) default: Option<Value>,
    pub(super) normal_maximum: Option<f64>,
    pub(super) normal_minimum: Option<f64>,
    pub(super) table: Option<Table>,
}

/// Which variable is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// A response, by its place among the declarations.
    Response(usize),
    /// An outcome, by its place among the declarations.
    Outcome(usize),
    /// How often the item was tried: always once.
    Attempts,
}

/// All variables of an item.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    pub(super) responses: Vec<ResponseDeclaration>,
    pub(super) outcomes: Vec<OutcomeDeclaration>,
    names: HashMap<String, Reference>,
}

impl Declarations {
    /// Reads those of an item.
    pub(super) fn read(item: &Element) -> Reading<Self> {
        let mut all = Self::default();
        all.names.insert("numAttempts".into(), Reference::Attempts);
        for element in item.elements() {
            match element.name.as_str() {
                "responseDeclaration" => {
                    all.name(element, Reference::Response(all.responses.len()))?;
                    all.responses.push(ResponseDeclaration::read(element)?);
                }
                "outcomeDeclaration" => {
                    all.name(element, Reference::Outcome(all.outcomes.len()))?;
                    all.outcomes.push(OutcomeDeclaration::read(element)?);
                }
                "templateDeclaration" | "templateProcessing" => {
                    let problem = "items that are made from a template aren't read: write the values out, one item for each";
                    return Err(element.unsupported(problem));
                }
                "contextDeclaration" => {
                    return Err(element.unsupported("there is no context: write the values into the item"));
                }
                _ => {}
            }
        }
        all.add_completion_status();
        Ok(all)
    }

    fn name(&mut self, element: &Element, reference: Reference) -> Reading<()> {
        let identifier = element.required("identifier")?.trim();
        if matches!(identifier, "duration" | "numAttempts") {
            return Err(element.fault(format!("`{identifier}` is built in: choose another identifier")));
        }
        match self.names.insert(identifier.to_owned(), reference) {
            None => Ok(()),
            Some(_) => {
                Err(element.fault(format!("there is another variable `{identifier}`: rename one of them")))
            }
        }
    }

    /// The outcome that every item has without declaring it.
    fn add_completion_status(&mut self) {
        let identifier = "completionStatus".to_owned();
        if self.names.contains_key(&identifier) {
            return;
        }
        self.names.insert(identifier, Reference::Outcome(self.outcomes.len()));
        self.outcomes.push(OutcomeDeclaration {
            of: Type::single(BaseType::Identifier),
            default: Some(Value::Single(Single::Identifier("unknown".into()))),
            normal_maximum: None,
            normal_minimum: None,
            table: None,
        });
    }

    /// The variable that an element names.
    pub(super) fn find(&self, element: &Element) -> Reading<Reference> {
        let identifier = element.required("identifier")?.trim();
        if identifier == "duration" {
            return Err(element.unsupported("how long an answer took isn't known: score without `duration`"));
        }
        self.names.get(identifier).copied().ok_or_else(|| {
            element
                .fault(format!("there is no variable `{identifier}`: declare it, or correct the identifier"))
        })
    }

    pub(super) fn find_response(&self, element: &Element, attribute: &str) -> Reading<usize> {
        let identifier = element.required(attribute)?.trim();
        match self.names.get(identifier) {
            Some(Reference::Response(index)) => Ok(*index),
            _ => Err(element
                .fault(format!("there is no <responseDeclaration> with the identifier `{identifier}`"))),
        }
    }

    pub(super) fn outcome(&self, identifier: &str) -> Option<usize> {
        match self.names.get(identifier) {
            Some(Reference::Outcome(index)) => Some(*index),
            _ => None,
        }
    }

    pub(super) fn response(&self, identifier: &str) -> Option<usize> {
        match self.names.get(identifier) {
            Some(Reference::Response(index)) => Some(*index),
            _ => None,
        }
    }

    pub(super) fn type_of(&self, reference: Reference) -> Type {
        match reference {
            Reference::Response(index) => self.responses[index].of,
            Reference::Outcome(index) => self.outcomes[index].of,
            Reference::Attempts => Type::single(BaseType::Integer),
        }
    }
}

impl ResponseDeclaration {
    fn read(element: &Element) -> Reading<Self> {
        let of = read_type(element)?;
        let mut declaration = Self {
            identifier: element.required("identifier")?.trim().to_owned(),
            of,
            default: None,
            correct: None,
            mapping: None,
            areas: None,
        };
        for part in element.elements() {
            match part.name.as_str() {
                "defaultValue" => declaration.default = read_values(part, of)?,
                "correctResponse" => declaration.correct = read_values(part, of)?,
                "mapping" => {
                    let Some(base) = of.base else {
                        return Err(part.fault("a record has no mapping"));
                    };
                    declaration.mapping = Some(Mapping::read(part, base)?);
                }
                "areaMapping" if of.base == Some(BaseType::Point) => {
                    declaration.areas = Some(AreaMapping::read(part)?);
                }
                "areaMapping" => {
                    return Err(part.fault("only a response with the baseType `point` has areas"));
                }
                _ => return Err(part.fault("it doesn't belong into a <responseDeclaration>")),
            }
        }
        Ok(declaration)
    }
}

impl OutcomeDeclaration {
    fn read(element: &Element) -> Reading<Self> {
        let of = read_type(element)?;
        let mut default = None;
        let mut table = None;
        for part in element.elements() {
            match (part.name.as_str(), of.base) {
                ("defaultValue", _) => default = read_values(part, of)?,
                ("matchTable" | "interpolationTable", Some(base)) if of.is(Cardinality::Single) => {
                    table = Some(Table::read(part, base)?);
                }
                ("matchTable" | "interpolationTable", _) => {
                    return Err(part.fault("only an outcome with the cardinality `single` has a table"));
                }
                _ => return Err(part.fault("it doesn't belong into an <outcomeDeclaration>")),
            }
        }
        // Numbers begin at 0 where nothing else is said.
        if of.is(Cardinality::Single) && default.is_none() {
            default = match of.base {
                Some(BaseType::Integer) => Some(Value::Single(Single::Integer(0))),
                Some(BaseType::Float) => Some(Value::Single(Single::Float(0.0))),
                _ => None,
            };
        }
        Ok(Self {
            of,
            default,
            normal_maximum: element.number("normalMaximum")?,
            normal_minimum: element.number("normalMinimum")?,
            table,
        })
    }

    /// Its default value as a number.
    pub(super) fn default_number(&self) -> Option<f64> {
        self.default.clone()?.into_single()?.number()
    }
}

fn read_type(element: &Element) -> Reading<Type> {
    let cardinality = Cardinality::read(element)?;
    let base = match (cardinality, element.attribute("baseType")) {
        (Cardinality::Record, None) => None,
        (Cardinality::Record, Some(_)) => return Err(element.fault("a record has no `baseType`: remove it")),
        _ => Some(BaseType::read(element, "baseType")?),
    };
    Ok(Type { cardinality: Some(cardinality), base })
}

/// The values of a `correctResponse` or a `defaultValue`.
fn read_values(element: &Element, of: Type) -> Reading<Option<Value>> {
    let (Some(cardinality), Some(base)) = (of.cardinality, of.base) else {
        return Err(element.unsupported("values of records aren't read: score the fields with <fieldValue>"));
    };
    let read_value = |value: &Element| {
        if value.name != "value" {
            return Err(value.fault("only <value> belongs here"));
        }
        Single::parse(&value.text(), base).map_err(|problem| value.fault(problem))
    };
    let values = element.elements().map(read_value).collect::<Reading<Vec<_>>>()?;
    if cardinality == Cardinality::Single && values.len() > 1 {
        let problem = format!("it has {} values, but the cardinality is `single`", values.len());
        return Err(element.fault(problem));
    }
    Ok(Value::container(values, cardinality))
}
