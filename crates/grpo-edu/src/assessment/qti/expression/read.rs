//! Expressions from XML, with their types.

use super::pattern;
use super::{Arithmetic, Comparison, Expression, Node, Operator, Rounding, Tolerance, ToleranceMode};
use crate::assessment::qti::declaration::{Declarations, Reference};
use crate::assessment::qti::error::Reading;
use crate::assessment::qti::record::Field;
use crate::assessment::qti::shape::Shape;
use crate::assessment::qti::value::{BaseType, Cardinality, Single, Type, Value};
use crate::assessment::qti::xml::Element;

const BOOLEAN: Type = Type::single(BaseType::Boolean);
const INTEGER: Type = Type::single(BaseType::Integer);
const FLOAT: Type = Type::single(BaseType::Float);

impl Expression {
    /// Reads an expression and checks the types of its parts.
    pub(in crate::assessment::qti) fn read(element: &Element, scope: &Declarations) -> Reading<Self> {
        if let Some(leaf) = read_leaf(element, scope)? {
            return Ok(leaf);
        }
        let operands = element.elements().map(|part| Self::read(part, scope)).collect::<Reading<Vec<_>>>()?;
        let (operator, of) = read_operator(element, &operands)?;
        Ok(Self { of, node: Node::Operation(operator, operands) })
    }

    /// The value of a variable.
    pub(in crate::assessment::qti) fn variable(reference: Reference, scope: &Declarations) -> Self {
        Self { of: scope.type_of(reference), node: Node::Variable(reference) }
    }

    /// A number of the base type asked for.
    pub(in crate::assessment::qti) fn number(number: i32, base: BaseType) -> Self {
        let single = match base {
            BaseType::Integer => Single::Integer(number.into()),
            _ => Single::Float(number.into()),
        };
        Self { of: Type::single(base), node: Node::Constant(Some(Value::Single(single))) }
    }

    /// Whether a response is the correct one.
    pub(in crate::assessment::qti) fn is_correct(response: usize, scope: &Declarations) -> Self {
        let of = scope.responses[response].of;
        let operands = vec![
            Self::variable(Reference::Response(response), scope),
            Self { of, node: Node::Correct(response) },
        ];
        Self { of: BOOLEAN, node: Node::Operation(Operator::Match, operands) }
    }

    /// What a response is worth by its mapping.
    pub(in crate::assessment::qti) fn mapped(response: usize) -> Self {
        Self { of: FLOAT, node: Node::MapResponse(response) }
    }

    /// What a response is worth by its areas.
    pub(in crate::assessment::qti) fn mapped_point(response: usize) -> Self {
        Self { of: FLOAT, node: Node::MapResponsePoint(response) }
    }

    /// Marks the responses that are read anywhere in it.
    pub(in crate::assessment::qti) fn mark_used(&self, used: &mut [bool]) {
        match &self.node {
            Node::Variable(Reference::Response(index))
            | Node::MapResponse(index)
            | Node::MapResponsePoint(index) => {
                used[*index] = true;
            }
            Node::Constant(_) | Node::Correct(_) | Node::Variable(_) | Node::Default(_) => {}
            Node::Operation(_, operands) => operands.iter().for_each(|operand| operand.mark_used(used)),
        }
    }
}

/// What has no operands.
fn read_leaf(element: &Element, scope: &Declarations) -> Reading<Option<Expression>> {
    let (of, node) = match element.name.as_str() {
        "null" => (Type::ANY, Node::Constant(None)),
        "baseValue" => {
            let base = BaseType::read(element, "baseType")?;
            let text = element.text();
            let single = Single::parse(&text, base).map_err(|problem| element.fault(problem))?;
            (Type::single(base), Node::Constant(Some(Value::Single(single))))
        }
        "variable" => {
            if element.attribute("weightIdentifier").is_some() {
                return Err(element.fault("`weightIdentifier` belongs into tests: remove it"));
            }
            let reference = scope.find(element)?;
            (scope.type_of(reference), Node::Variable(reference))
        }
        "default" => {
            let reference = scope.find(element)?;
            (scope.type_of(reference), Node::Default(reference))
        }
        "correct" => {
            let response = scope.find_response(element, "identifier")?;
            if scope.responses[response].correct.is_none() {
                let name = &scope.responses[response].identifier;
                return Err(element.fault(format!("`{name}` has no <correctResponse>: declare one")));
            }
            (scope.responses[response].of, Node::Correct(response))
        }
        "mapResponse" => {
            let response = scope.find_response(element, "identifier")?;
            if scope.responses[response].mapping.is_none() {
                let name = &scope.responses[response].identifier;
                return Err(element.fault(format!("`{name}` has no <mapping>: declare one")));
            }
            (FLOAT, Node::MapResponse(response))
        }
        "mapResponsePoint" => {
            let response = scope.find_response(element, "identifier")?;
            if scope.responses[response].areas.is_none() {
                let name = &scope.responses[response].identifier;
                return Err(element.fault(format!("`{name}` has no <areaMapping>: declare one")));
            }
            (FLOAT, Node::MapResponsePoint(response))
        }
        _ => return Ok(None),
    };
    if let Some(part) = element.elements().next() {
        return Err(part.fault(format!("<{}> holds no expressions", element.name)));
    }
    Ok(Some(Expression { of, node }))
}

/// What has operands.
fn read_operator(element: &Element, operands: &[Expression]) -> Reading<(Operator, Type)> {
    let check = Operands { element, operands };
    let name = element.name.as_str();
    if let Some((operator, of)) = read_arithmetic(&check)? {
        return Ok((Operator::Arithmetic(operator), of));
    }
    if let Some(read) = read_container(&check)? {
        return Ok(read);
    }
    let operator = match name {
        "isNull" => check.each(1..=1, "anything", |_| true).map(|()| Operator::IsNull),
        "not" => check.singles(1..=1, BaseType::Boolean).map(|()| Operator::Not),
        "and" => check.singles(1..=usize::MAX, BaseType::Boolean).map(|()| Operator::And),
        "or" => check.singles(1..=usize::MAX, BaseType::Boolean).map(|()| Operator::Or),
        "anyN" => check.singles(1..=usize::MAX, BaseType::Boolean).and_then(|()| {
            element.required("min").and(element.required("max"))?;
            let (min, max) = (element.count("min")?, element.count("max")?);
            Ok(Operator::AnyN(min.unwrap_or(0), max.unwrap_or(usize::MAX)))
        }),
        "match" => check.comparable().map(|()| Operator::Match),
        "equal" => check.numbers(2..=2).and_then(|()| read_tolerance(element)).map(Operator::Equal),
        "equalRounded" => {
            check.numbers(2..=2).and_then(|()| read_rounding(element)).map(Operator::EqualRounded)
        }
        "lt" => check.numbers(2..=2).map(|()| Operator::Compare(Comparison::Less)),
        "lte" => check.numbers(2..=2).map(|()| Operator::Compare(Comparison::AtMost)),
        "gt" => check.numbers(2..=2).map(|()| Operator::Compare(Comparison::More)),
        "gte" => check.numbers(2..=2).map(|()| Operator::Compare(Comparison::AtLeast)),
        "stringMatch" | "substring" => check.singles(2..=2, BaseType::String).and_then(|()| {
            let folds = !element.flag("caseSensitive", true)?;
            let substring = name == "substring" || element.flag("substring", false)?;
            Ok(Operator::StringMatch { folds, substring })
        }),
        "patternMatch" => check.singles(1..=1, BaseType::String).and_then(|()| {
            let pattern = element.required("pattern")?;
            let compiled = pattern::compile(pattern).map_err(|problem| element.fault(problem))?;
            Ok(Operator::PatternMatch(Box::new(compiled)))
        }),
        "inside" => check
            .each(1..=1, "points", |of| of.holds(BaseType::Point))
            .and_then(|()| Shape::read(element))
            .map(Operator::Inside),
        _ => Err(refuse(element)),
    }?;
    Ok((operator, BOOLEAN))
}

fn refuse(element: &Element) -> Box<crate::assessment::qti::error::Fault> {
    element.unsupported(match element.name.as_str() {
        "random" | "randomInteger" | "randomFloat" => "scores that depend on chance aren't computed: write the value out",
        "customOperator" => "what it computes is known to one system only: use the operators of QTI",
        "durationLT" | "durationGTE" => "how long an answer took isn't known: score without it",
        _ => {
            "response processing has no such expression here: use those of the documentation, or check the spelling"
        }
    })
}

fn read_arithmetic(check: &Operands) -> Reading<Option<(Arithmetic, Type)>> {
    use Arithmetic::{
        Divide, IntegerDivide, IntegerModulus, Max, Min, Power, Product, Round, Subtract, Sum, ToFloat,
        Truncate,
    };
    let many = 1..=usize::MAX;
    let (operator, of) = match check.element.name.as_str() {
        "sum" => (Sum, check.numbers_in_containers(many)?),
        "product" => (Product, check.numbers_in_containers(many)?),
        "min" => (Min, check.numbers_in_containers(many)?),
        "max" => (Max, check.numbers_in_containers(many)?),
        "subtract" => check.numbers(2..=2).map(|()| (Subtract, check.common_number()))?,
        "divide" => check.numbers(2..=2).map(|()| (Divide, FLOAT))?,
        "power" => check.numbers(2..=2).map(|()| (Power, FLOAT))?,
        "integerDivide" => check.singles(2..=2, BaseType::Integer).map(|()| (IntegerDivide, INTEGER))?,
        "integerModulus" => check.singles(2..=2, BaseType::Integer).map(|()| (IntegerModulus, INTEGER))?,
        "round" => check.numbers(1..=1).map(|()| (Round, INTEGER))?,
        "truncate" => check.numbers(1..=1).map(|()| (Truncate, INTEGER))?,
        "integerToFloat" => check.numbers(1..=1).map(|()| (ToFloat, FLOAT))?,
        _ => return Ok(None),
    };
    Ok(Some((operator, of)))
}

fn read_container(check: &Operands) -> Reading<Option<(Operator, Type)>> {
    let element = check.element;
    Ok(Some(match element.name.as_str() {
        "multiple" => (Operator::Multiple, check.gather(Cardinality::Multiple)?),
        "ordered" => (Operator::Ordered, check.gather(Cardinality::Ordered)?),
        "containerSize" => {
            check.each(1..=1, "multiple or ordered", Type::is_container)?;
            (Operator::ContainerSize, INTEGER)
        }
        "index" => {
            check.each(1..=1, "ordered", |of| of.is(Cardinality::Ordered))?;
            element.required("n")?;
            let place = element.count("n")?.filter(|place| *place > 0);
            let place = place.ok_or_else(|| element.fault("`n` counts from 1"))?;
            let cardinality = Some(Cardinality::Single);
            (Operator::Index(place), Type { cardinality, base: check.operands[0].of.base })
        }
        "member" => (Operator::Member, check.container_with(Cardinality::Single, BOOLEAN)?),
        "delete" => {
            check.container_with(Cardinality::Single, BOOLEAN)?;
            (Operator::Delete, check.operands[1].of)
        }
        "contains" => {
            check.comparable()?;
            check.each(2..=2, "multiple or ordered", Type::is_container)?;
            (Operator::Contains, BOOLEAN)
        }
        "fieldValue" => {
            check.each(1..=1, "a record", |of| of.is(Cardinality::Record))?;
            let name = element.required("fieldIdentifier")?.trim();
            let field = Field::parse(name).ok_or_else(|| {
                let known =
                    "stringValue, floatValue, integerValue, leftDigits, rightDigits, ndp, nsf or exponent";
                element.fault(format!("a response has no field `{name}`; there are {known}"))
            })?;
            (Operator::Field(field), Type::single(field.base()))
        }
        _ => return Ok(None),
    }))
}

fn read_tolerance(element: &Element) -> Reading<Tolerance> {
    let include_lower = element.flag("includeLowerBound", true)?;
    let include_upper = element.flag("includeUpperBound", true)?;
    let mode = match element.attribute("toleranceMode").unwrap_or("exact").trim() {
        "exact" => ToleranceMode::Exact,
        mode @ ("absolute" | "relative") => {
            let text = element.required("tolerance")?;
            let numbers: Option<Vec<f64>> = text
                .split_whitespace()
                .map(|part| part.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0))
                .collect();
            let (below, above) = match numbers.as_deref() {
                Some([both]) => (*both, *both),
                Some([below, above]) => (*below, *above),
                _ => {
                    let problem =
                        format!("`tolerance` is `{text}`, but it must be one or two numbers from 0");
                    return Err(element.fault(problem));
                }
            };
            if mode == "absolute" {
                ToleranceMode::Absolute(below, above)
            } else {
                ToleranceMode::Relative(below, above)
            }
        }
        other => {
            let problem = format!("`toleranceMode` is `{other}`, but it must be exact, absolute or relative");
            return Err(element.fault(problem));
        }
    };
    Ok(Tolerance { mode, include_lower, include_upper })
}

fn read_rounding(element: &Element) -> Reading<Rounding> {
    element.required("figures")?;
    let figures = element.count("figures")?.and_then(|figures| u32::try_from(figures).ok());
    match (element.attribute("roundingMode").unwrap_or("significantFigures").trim(), figures) {
        ("significantFigures", Some(figures @ 1..=17)) => Ok(Rounding::SignificantFigures(figures)),
        ("significantFigures", _) => Err(element.fault("`figures` must be 1 to 17 for significantFigures")),
        ("decimalPlaces", Some(places @ 0..=17)) => Ok(Rounding::DecimalPlaces(places)),
        ("decimalPlaces", _) => Err(element.fault("`figures` must be 0 to 17 for decimalPlaces")),
        (other, _) => {
            let known = "significantFigures or decimalPlaces";
            Err(element.fault(format!("`roundingMode` is `{other}`, but it must be {known}")))
        }
    }
}

/// The operands of an operator, to be checked.
struct Operands<'a> {
    element: &'a Element,
    operands: &'a [Expression],
}

impl Operands<'_> {
    fn arity(&self, allowed: std::ops::RangeInclusive<usize>) -> Reading<()> {
        if allowed.contains(&self.operands.len()) {
            return Ok(());
        }
        let need = match (*allowed.start(), *allowed.end()) {
            (from, to) if from == to => format!("exactly {from}"),
            (from, _) => format!("at least {from}"),
        };
        Err(self.element.fault(format!("it has {} expressions in it, but needs {need}", self.operands.len())))
    }

    fn each(
        &self,
        arity: std::ops::RangeInclusive<usize>,
        need: &str,
        fits: impl Fn(Type) -> bool,
    ) -> Reading<()> {
        self.arity(arity)?;
        match self.operands.iter().position(|operand| !fits(operand.of)) {
            None => Ok(()),
            Some(at) => {
                let (place, of) = (at + 1, self.operands[at].of);
                Err(self.element.fault(format!("expression {place} in it is {of}, but must be {need}")))
            }
        }
    }

    fn singles(&self, arity: std::ops::RangeInclusive<usize>, base: BaseType) -> Reading<()> {
        self.each(arity, &format!("single {base}"), |of| of.is(Cardinality::Single) && of.holds(base))
    }

    fn numbers(&self, arity: std::ops::RangeInclusive<usize>) -> Reading<()> {
        self.each(arity, "a single number", |of| of.is(Cardinality::Single) && of.holds_numbers())
    }

    fn numbers_in_containers(&self, arity: std::ops::RangeInclusive<usize>) -> Reading<Type> {
        self.each(arity, "numbers", |of| {
            !matches!(of.cardinality, Some(Cardinality::Record)) && of.holds_numbers()
        })?;
        Ok(self.common_number())
    }

    /// Integers give an integer, anything else a float.
    fn common_number(&self) -> Type {
        let integers = self.operands.iter().all(|operand| operand.of.base == Some(BaseType::Integer));
        if integers { INTEGER } else { FLOAT }
    }

    fn comparable(&self) -> Reading<()> {
        self.arity(2..=2)?;
        let [a, b] = [self.operands[0].of, self.operands[1].of];
        if a.comparable(b) {
            return Ok(());
        }
        Err(self.element.fault(format!("it compares {a} with {b}: both must have the same type")))
    }

    /// A single value and a container with values like it.
    fn container_with(&self, first: Cardinality, of: Type) -> Reading<Type> {
        self.arity(2..=2)?;
        let [a, b] = [self.operands[0].of, self.operands[1].of];
        if a.is(first) && b.is_container() && a.base.zip(b.base).is_none_or(|(a, b)| a == b) {
            return Ok(of);
        }
        Err(self
            .element
            .fault(format!("it has {a} and {b} in it, but needs a single and a container of the same type")))
    }

    /// The type of `multiple` and `ordered`.
    fn gather(&self, cardinality: Cardinality) -> Reading<Type> {
        let need = format!("single or {cardinality}");
        let fits = |of: Type| of.is(Cardinality::Single) || of.is(cardinality);
        self.each(0..=usize::MAX, &need, fits)?;
        let mut bases = self.operands.iter().filter_map(|operand| operand.of.base);
        let base = bases.next();
        match bases.find(|other| Some(*other) != base) {
            Some(_) => Err(self.element.fault("all values in it must have the same baseType")),
            None => Ok(Type { cardinality: Some(cardinality), base }),
        }
    }
}
