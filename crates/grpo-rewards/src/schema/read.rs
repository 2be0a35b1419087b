//! Reads a schema into nodes.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::keyword::refusal;
use super::{
    ArrayRules, Condition, Contains, Id, Node, NumberRules, ObjectRules, SchemaError, StringRules, Type,
};

/// How many schemas one may consist of; beyond, it is surely not written by hand for this.
const MAX_NODES: usize = 10_000;

pub(super) fn read(schema: &Value) -> Result<Vec<Node>, SchemaError> {
    let mut reader =
        Reader { root: schema, known: HashMap::new(), waiting: Vec::new(), anchors: HashMap::new() };
    reader.find_anchors(schema, String::new(), 0)?;
    reader.id("")?;
    let mut nodes = Vec::new();
    // A list of what remains instead of recursion: a schema may refer to itself.
    let mut next = 0;
    while let Some(pointer) = reader.waiting.get(next).cloned() {
        nodes.push(reader.node(&pointer)?);
        next += 1;
    }
    refuse_circles(&nodes, &reader.waiting)?;
    Ok(nodes)
}

struct Reader<'a> {
    root: &'a Value,
    /// The node of every place that is or will be read.
    known: HashMap<String, Id>,
    /// The places, by node.
    waiting: Vec<String>,
    anchors: HashMap<String, String>,
}

fn error(
    pointer: &str,
    problem: impl Into<std::borrow::Cow<'static, str>>,
    fix: impl Into<std::borrow::Cow<'static, str>>,
) -> SchemaError {
    SchemaError { place: format!("#{pointer}"), problem: problem.into(), fix: fix.into() }
}

/// A step further down a JSON pointer.
fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

impl<'a> Reader<'a> {
    /// Every `$anchor`, and a refusal of every `$id` but the outermost, below which references would mean
    /// something else.
    fn find_anchors(&mut self, value: &'a Value, pointer: String, depth: usize) -> Result<(), SchemaError> {
        if depth > 128 {
            return Err(error(&pointer, "is nested more than 128 deep", "simplify the schema"));
        }
        match value {
            Value::Object(map) => {
                if let Some(Value::String(name)) = map.get("$anchor") {
                    self.anchors.insert(name.clone(), pointer.clone());
                }
                for (key, value) in map {
                    // These hold values, not schemas.
                    if !matches!(key.as_str(), "const" | "enum" | "default" | "examples") {
                        self.find_anchors(value, below(&pointer, key), depth + 1)?;
                    }
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    self.find_anchors(value, format!("{pointer}/{index}"), depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The node of the schema at that place.
    fn id(&mut self, pointer: &str) -> Result<Id, SchemaError> {
        if let Some(id) = self.known.get(pointer) {
            return Ok(*id);
        }
        let id = self.waiting.len();
        if id == MAX_NODES {
            return Err(error(pointer, format!("has more than {MAX_NODES} schemas"), "simplify it"));
        }
        self.known.insert(pointer.to_owned(), id);
        self.waiting.push(pointer.to_owned());
        Ok(id)
    }

    fn node(&mut self, pointer: &str) -> Result<Node, SchemaError> {
        match self.root.pointer(pointer) {
            Some(Value::Bool(sense)) => Ok(Node { never: !sense, ..Node::default() }),
            Some(Value::Object(map)) => Keywords { reader: self, map, pointer }.read(),
            Some(_) => Err(error(pointer, "is not a schema", "use a table, or true or false")),
            None => Err(error(pointer, "does not exist", "correct the `$ref` that leads there")),
        }
    }

    fn target(&mut self, reference: &str, pointer: &str) -> Result<Id, SchemaError> {
        let Some(fragment) = reference.strip_prefix('#') else {
            let problem = format!("refers to another document, `{reference}`; nothing is fetched");
            return Err(error(
                pointer,
                problem,
                "copy that schema to `$defs` and refer to it as `#/$defs/NAME`",
            ));
        };
        let fragment = percent_decoded(fragment);
        if fragment.is_empty() || fragment.starts_with('/') {
            if self.root.pointer(&fragment).is_none() {
                let fix = "correct the reference, or add what it refers to";
                return Err(error(pointer, format!("refers to `{reference}`, which does not exist"), fix));
            }
            return self.id(&fragment);
        }
        match self.anchors.get(&fragment).cloned() {
            Some(place) => self.id(&place),
            None => {
                let problem = format!("refers to `{reference}`, but there is no such `$anchor`");
                Err(error(pointer, problem, "correct the reference"))
            }
        }
    }
}

/// The keywords of one schema.
struct Keywords<'r, 'a> {
    reader: &'r mut Reader<'a>,
    map: &'a Map<String, Value>,
    pointer: &'r str,
}

impl<'a> Keywords<'_, 'a> {
    fn read(mut self) -> Result<Node, SchemaError> {
        for (key, value) in self.map {
            if let Some((problem, fix)) = refusal(key, value, self.pointer.is_empty()) {
                return Err(self.wrong(key, problem, fix));
            }
        }
        let mut all_of = self.schemas("allOf")?.unwrap_or_default();
        if let Some(value) = self.map.get("$ref") {
            let Value::String(reference) = value else {
                return Err(self.wrong("$ref", "is not a text", "use a reference such as \"#/$defs/NAME\""));
            };
            all_of.push(self.reader.target(reference, &below(self.pointer, "$ref"))?);
        }
        Ok(Node {
            never: false,
            types: self.types()?,
            allowed: self.allowed()?,
            number: self.number_rules()?,
            string: self.string_rules()?,
            array: self.array_rules()?,
            object: self.object_rules()?,
            all_of,
            any_of: self.schemas("anyOf")?,
            one_of: self.schemas("oneOf")?,
            not: self.schema("not")?,
            condition: self.condition()?,
        })
    }

    fn wrong(
        &self,
        key: &str,
        problem: impl Into<std::borrow::Cow<'static, str>>,
        fix: impl Into<std::borrow::Cow<'static, str>>,
    ) -> SchemaError {
        error(&below(self.pointer, key), problem, fix)
    }

    fn schema(&mut self, key: &str) -> Result<Option<Id>, SchemaError> {
        if !self.map.contains_key(key) {
            return Ok(None);
        }
        if key == "items" && self.map.get(key).is_some_and(Value::is_array) {
            return Err(self.wrong(key, "is a list, as in older drafts", "use `prefixItems`"));
        }
        self.reader.id(&below(self.pointer, key)).map(Some)
    }

    fn schemas(&mut self, key: &str) -> Result<Option<Vec<Id>>, SchemaError> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        let list = value.as_array().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| self.wrong(key, "is not a list of schemas", "use at least one"))?;
        let pointer = below(self.pointer, key);
        (0..list.len())
            .map(|index| self.reader.id(&format!("{pointer}/{index}")))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn table(&self, key: &str) -> Result<Vec<(&'a String, &'a Value)>, SchemaError> {
        match self.map.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Object(map)) => Ok(map.iter().collect()),
            Some(_) => Err(self.wrong(key, "is not a table", "use a table of names and their values")),
        }
    }

    /// The schemas of a table, by name.
    fn named(&mut self, key: &str) -> Result<Vec<(String, Id)>, SchemaError> {
        let pointer = below(self.pointer, key);
        let table = self.table(key)?;
        table
            .into_iter()
            .map(|(name, _)| Ok((name.clone(), self.reader.id(&below(&pointer, name))?)))
            .collect()
    }

    fn count(&self, key: &str) -> Result<Option<u64>, SchemaError> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        // 2.0 counts as 2, as in the draft.
        let whole = value.as_f64().filter(|value| value.fract() == 0.0 && (0.0..1e15).contains(value));
        value
            .as_u64()
            .or(whole.map(|whole| whole as u64))
            .map(Some)
            .ok_or_else(|| self.wrong(key, format!("is `{value}`"), "use a whole number from 0 up"))
    }

    fn number(&self, key: &str) -> Result<Option<serde_json::Number>, SchemaError> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.clone())),
            Some(other) => Err(self.wrong(key, format!("is `{other}`"), "use a number")),
        }
    }

    fn texts(&self, key: &str, value: &Value) -> Result<Vec<String>, SchemaError> {
        let texts = value.as_array().and_then(|list| {
            list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        texts.ok_or_else(|| self.wrong(key, "is not a list of texts", "use names of properties"))
    }

    fn pattern(&self, key: &str, pattern: &str) -> Result<Regex, SchemaError> {
        RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|fault| {
            let fix = "correct the regular expression (syntax of Rust's `regex` crate: no look-around)";
            self.wrong(key, format!("{pattern:?} is not a usable pattern: {fault}"), fix)
        })
    }

    fn types(&self) -> Result<Option<Vec<Type>>, SchemaError> {
        let Some(value) = self.map.get("type") else { return Ok(None) };
        let one = |value: &Value| {
            Some(match value.as_str()? {
                "null" => Type::Null,
                "boolean" => Type::Boolean,
                "integer" => Type::Integer,
                "number" => Type::Number,
                "string" => Type::String,
                "array" => Type::Array,
                "object" => Type::Object,
                _ => return None,
            })
        };
        let types = match value {
            Value::Array(list) => list.iter().map(one).collect::<Option<Vec<_>>>(),
            other => one(other).map(|one| vec![one]),
        };
        let fix = "use null, boolean, integer, number, string, array or object";
        types.map(Some).ok_or_else(|| self.wrong("type", format!("is `{value}`"), fix))
    }

    fn allowed(&self) -> Result<Option<Vec<Value>>, SchemaError> {
        let constant = self.map.get("const").map(|value| vec![value.clone()]);
        match (self.map.get("enum"), constant) {
            (None, constant) => Ok(constant),
            (Some(Value::Array(list)), None) => Ok(Some(list.clone())),
            (Some(Value::Array(list)), Some(mut constant)) => {
                constant.retain(|value| list.iter().any(|other| super::check::equal(value, other)));
                Ok(Some(constant))
            }
            (Some(_), _) => Err(self.wrong("enum", "is not a list", "list the values that are allowed")),
        }
    }

    fn number_rules(&self) -> Result<NumberRules, SchemaError> {
        let multiple_of = self.number("multipleOf")?;
        if multiple_of.as_ref().is_some_and(|of| of.as_f64().is_none_or(|of| of <= 0.0)) {
            return Err(self.wrong("multipleOf", "is not above 0", "use a number above 0"));
        }
        Ok(NumberRules {
            minimum: self.number("minimum")?,
            maximum: self.number("maximum")?,
            above: self.number("exclusiveMinimum")?,
            below: self.number("exclusiveMaximum")?,
            multiple_of,
        })
    }

    fn string_rules(&self) -> Result<StringRules, SchemaError> {
        let pattern = match self.map.get("pattern") {
            None => None,
            Some(Value::String(pattern)) => Some(self.pattern("pattern", pattern)?),
            Some(_) => return Err(self.wrong("pattern", "is not a text", "write a regular expression")),
        };
        Ok(StringRules { min: self.count("minLength")?, max: self.count("maxLength")?, pattern })
    }

    fn array_rules(&mut self) -> Result<ArrayRules, SchemaError> {
        let unique = match self.map.get("uniqueItems") {
            None => false,
            Some(Value::Bool(unique)) => *unique,
            Some(_) => return Err(self.wrong("uniqueItems", "is not true or false", "use one of them")),
        };
        let (min, max) = (self.count("minContains")?, self.count("maxContains")?);
        let contains = self.schema("contains")?.map(|schema| Contains { schema, min: min.unwrap_or(1), max });
        Ok(ArrayRules {
            min: self.count("minItems")?,
            max: self.count("maxItems")?,
            unique,
            first: self.schemas("prefixItems")?.unwrap_or_default(),
            others: self.schema("items")?,
            contains,
        })
    }

    fn object_rules(&mut self) -> Result<ObjectRules, SchemaError> {
        let required = self.map.get("required").map(|value| self.texts("required", value)).transpose()?;
        let patterns = self.named("patternProperties")?;
        let patterns = patterns
            .into_iter()
            .map(|(pattern, id)| Ok((self.pattern("patternProperties", &pattern)?, id)))
            .collect::<Result<_, _>>()?;
        let needs = self.table("dependentRequired")?;
        let needs = needs
            .into_iter()
            .map(|(name, value)| Ok((name.clone(), self.texts("dependentRequired", value)?)))
            .collect::<Result<_, _>>()?;
        Ok(ObjectRules {
            min: self.count("minProperties")?,
            max: self.count("maxProperties")?,
            required: required.unwrap_or_default(),
            properties: self.named("properties")?.into_iter().collect(),
            patterns,
            others: self.schema("additionalProperties")?,
            names: self.schema("propertyNames")?,
            dependent_required: needs,
            dependent_schemas: self.named("dependentSchemas")?,
        })
    }

    fn condition(&mut self) -> Result<Option<Condition>, SchemaError> {
        let (then, otherwise) = (self.schema("then")?, self.schema("else")?);
        Ok(self.schema("if")?.map(|when| Condition { when, then, otherwise }))
    }
}

/// Refuses schemas that apply to a value by way of themselves: checking would never end.
fn refuse_circles(nodes: &[Node], places: &[String]) -> Result<(), SchemaError> {
    let same_value = |node: &Node| -> Vec<Id> {
        let condition = node.condition.iter().flat_map(|c| [Some(c.when), c.then, c.otherwise]).flatten();
        let lists = [Some(&node.all_of), node.any_of.as_ref(), node.one_of.as_ref()];
        let lists = lists.into_iter().flatten().flatten().copied();
        let dependent = node.object.dependent_schemas.iter().map(|(_, id)| *id);
        lists.chain(node.not).chain(condition).chain(dependent).collect()
    };
    // How many schemas still lead to each one; those that nothing leads to are taken away in turn.
    let mut leading = vec![0_usize; nodes.len()];
    for next in nodes.iter().flat_map(same_value) {
        leading[next] += 1;
    }
    let mut free: Vec<Id> = (0..nodes.len()).filter(|id| leading[*id] == 0).collect();
    while let Some(id) = free.pop() {
        for next in same_value(&nodes[id]) {
            leading[next] -= 1;
            if leading[next] == 0 {
                free.push(next);
            }
        }
    }
    match leading.iter().position(|count| *count > 0) {
        None => Ok(()),
        Some(id) => {
            let problem = "applies to a value by way of itself, so that checking would never end";
            Err(error(&places[id], problem, "let the reference stand below `properties` or `items`"))
        }
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
