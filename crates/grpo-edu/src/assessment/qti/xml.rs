//! XML as a tree that all versions of QTI have in common, read within limits.
//!
//! QTI 3.0 writes `<qti-choice-interaction response-identifier="..">` for what QTI 2 writes as
//! `<choiceInteraction responseIdentifier="..">`. Names are brought into the form of QTI 2 here, and nothing after this knows of
//! the other one.

use roxmltree::{Document, Node as XmlNode, NodeType, ParsingOptions};

use super::encoding::decode;
use super::error::{Fault, QtiError, Reading};

/// The longest file that is read, in bytes.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// The most elements, texts and comments of a file.
const MAX_NODES: u32 = 100_000;
/// How deep elements may nest; everything that walks the tree by recursion relies on it.
const MAX_DEPTH: usize = 100;
/// The most attributes of one element (finding duplicates takes quadratic time).
const MAX_ATTRIBUTES: usize = 64;
/// The most namespace declarations of a file (a prefix is looked up among all that are in scope).
const MAX_NAMESPACES: usize = 512;

/// What references of an element are relative to.
pub(super) const XML_BASE: &str = "xml:base";

/// Where in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// An element, its names in the form of QTI 2.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) children: Vec<Node>,
    attributes: Vec<(String, String)>,
}

/// What an element holds.
#[derive(Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

/// Reads a file: its root, and the namespace of the root.
pub(super) fn parse(bytes: &[u8], name: &str) -> Result<(Element, Option<String>), QtiError> {
    let too_large =
        |what, found, limit, fix| QtiError::TooLarge { name: name.into(), what, found, limit, fix };
    if bytes.len() > MAX_BYTES {
        let fix = "keep pictures and the like in files of their own";
        return Err(too_large("bytes", bytes.len() as u64, MAX_BYTES as u64, fix));
    }
    let text = decode(bytes).map_err(|problem| QtiError::Encoding { name: name.into(), problem })?;
    let counts = count_attributes(&text);
    if counts.most > MAX_ATTRIBUTES {
        let fix = "no element of QTI has that many";
        return Err(too_large("attributes at one element", counts.most as u64, MAX_ATTRIBUTES as u64, fix));
    }
    if counts.namespaces > MAX_NAMESPACES {
        let fix = "declare them once, at the root";
        return Err(too_large("namespaces", counts.namespaces as u64, MAX_NAMESPACES as u64, fix));
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, options).map_err(|error| explain(&error, name))?;
    let root = document.root_element();
    let deepest = deepest(root);
    if deepest > MAX_DEPTH {
        return Err(too_large("levels of elements", deepest as u64, MAX_DEPTH as u64, "nest less"));
    }
    let namespace = root.tag_name().namespace().map(str::to_owned);
    Ok((convert(root, &mut Cursor::new(&text)), namespace))
}

fn explain(error: &roxmltree::Error, name: &str) -> QtiError {
    if matches!(error, roxmltree::Error::NodesLimitReached) {
        let (found, limit) = (u64::from(MAX_NODES) + 1, u64::from(MAX_NODES));
        return QtiError::TooLarge {
            name: name.into(),
            what: "elements and texts",
            found,
            limit,
            fix: "write one item per file",
        };
    }
    let problem = match error {
        roxmltree::Error::DtdDetected => {
            "it has a document type declaration (<!DOCTYPE>), through which entities could be defined: remove it".into()
        }
        roxmltree::Error::UnknownEntityReference(..) => {
            format!("{error}; only &lt; &gt; &amp; &quot; &apos; and numbers like &#160; are known without a DTD")
        }
        other => other.to_string(),
    };
    let place = error.pos();
    QtiError::Xml { name: name.into(), line: place.row, column: place.col, problem }
}

struct AttributeCounts {
    most: usize,
    namespaces: usize,
}

/// Counts attributes before they are parsed, because parsing takes quadratic time in them. What isn't well formed is miscounted,
/// and refused by the parser afterwards.
fn count_attributes(text: &str) -> AttributeCounts {
    let mut counts = AttributeCounts { most: 0, namespaces: 0 };
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let sections = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
        if let Some((open, close)) = sections.into_iter().find(|(open, _)| rest.starts_with(open)) {
            let Some(end) = rest[open.len()..].find(close) else { return counts };
            rest = &rest[open.len() + end + close.len()..];
            continue;
        }
        let mut quote = None;
        let mut equals = 0;
        let mut end = rest.len();
        for (at, byte) in rest.bytes().enumerate() {
            match (quote, byte) {
                (Some(open), _) if byte == open => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => equals += 1,
                (None, b'>') => {
                    end = at;
                    break;
                }
                (None, _) => {}
            }
        }
        counts.most = counts.most.max(equals);
        counts.namespaces += rest[..end].matches("xmlns").count();
        rest = &rest[end..];
    }
    counts
}

/// How deep elements nest, without recursion.
fn deepest(root: XmlNode) -> usize {
    let (mut deepest, mut depth) = (1, 1);
    let mut at = root;
    loop {
        if let Some(child) = at.first_child() {
            (at, depth) = (child, depth + 1);
            deepest = deepest.max(depth);
            continue;
        }
        loop {
            if at == root {
                return deepest;
            }
            if let Some(next) = at.next_sibling() {
                at = next;
                break;
            }
            let Some(parent) = at.parent() else { return deepest };
            (at, depth) = (parent, depth - 1);
        }
    }
}

/// Turns offsets into lines and columns. Offsets come in ascending order, so that the text is read once.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    place: Place,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, place: Place { line: 1, column: 1 } }
    }

    fn to(&mut self, offset: usize) -> Place {
        for letter in self.text.get(self.at..offset).unwrap_or_default().chars() {
            if letter == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        self.at = self.at.max(offset);
        self.place
    }
}

fn convert(node: XmlNode, cursor: &mut Cursor) -> Element {
    let place = cursor.to(node.range().start);
    let tag = node.tag_name();
    let mut children = Vec::new();
    for child in node.children() {
        match child.node_type() {
            NodeType::Element => children.push(Node::Element(convert(child, cursor))),
            NodeType::Text => children.push(Node::Text(child.text().unwrap_or_default().to_owned())),
            NodeType::Root | NodeType::Comment | NodeType::PI => {}
        }
    }
    let kebab = tag.name().strip_prefix("qti-");
    let attributes = node.attributes().filter_map(|attribute| {
        let name = match (attribute.namespace(), attribute.name(), kebab) {
            (None, plain, Some(_)) => camel(plain),
            (None, plain, None) => plain.to_owned(),
            (Some(roxmltree::NS_XML_URI), "base", _) => XML_BASE.to_owned(),
            (Some(_), ..) => return None,
        };
        Some((name, attribute.value().to_owned()))
    });
    Element {
        name: kebab.map_or_else(|| tag.name().to_owned(), camel),
        place,
        attributes: attributes.collect(),
        children,
    }
}

/// `choice-interaction` becomes `choiceInteraction`.
fn camel(kebab: &str) -> String {
    let mut name = String::with_capacity(kebab.len());
    for (at, part) in kebab.split('-').enumerate() {
        let mut letters = part.chars();
        match letters.next() {
            Some(first) if at > 0 => {
                name.push(first.to_ascii_uppercase());
                name.push_str(letters.as_str());
            }
            _ => name.push_str(part),
        }
    }
    name
}

impl Element {
    /// A fault of the content, with what would fix it.
    pub(super) fn fault(&self, problem: impl Into<String>) -> Box<Fault> {
        let (place, element) = (self.place, self.name.clone());
        Box::new(Fault { place, element, problem: problem.into(), unsupported: false })
    }

    /// Valid QTI that isn't read here.
    pub(super) fn unsupported(&self, problem: impl Into<String>) -> Box<Fault> {
        Box::new(Fault { unsupported: true, ..*self.fault(problem) })
    }

    /// The same element with nothing in it.
    pub(super) fn shallow(&self) -> Self {
        Self {
            name: self.name.clone(),
            place: self.place,
            attributes: self.attributes.clone(),
            children: Vec::new(),
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn required(&self, name: &str) -> Reading<&str> {
        self.attribute(name).ok_or_else(|| self.fault(format!("it needs the attribute `{name}`")))
    }

    /// An attribute that is `true` or `false`.
    pub(super) fn flag(&self, name: &str, default: bool) -> Reading<bool> {
        match self.attribute(name).map(str::trim) {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(self.fault(format!("`{name}` is `{other}`, but it must be true or false"))),
        }
    }

    /// An attribute that is a finite number.
    pub(super) fn number(&self, name: &str) -> Reading<Option<f64>> {
        let Some(text) = self.attribute(name) else { return Ok(None) };
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.fault(format!("`{name}` is `{text}`, but it must be a number")))
    }

    /// An attribute that counts something.
    pub(super) fn count(&self, name: &str) -> Reading<Option<usize>> {
        let Some(text) = self.attribute(name) else { return Ok(None) };
        let count = text.trim().parse::<usize>().ok();
        let fault = || self.fault(format!("`{name}` is `{text}`, but it must be a whole number from 0"));
        count.map(Some).ok_or_else(fault)
    }

    /// The elements in it, texts left out.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first element in it of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.elements().find(|element| element.name == name)
    }

    /// How many elements of a name are in it, at whatever depth.
    pub(super) fn count_of(&self, name: &str) -> usize {
        self.elements().map(|part| usize::from(part.name == name) + part.count_of(name)).sum()
    }

    /// All text in it, blanks at the ends removed.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.collect_text(&mut text);
        text.trim().to_owned()
    }

    fn collect_text(&self, text: &mut String) {
        for node in &self.children {
            match node {
                Node::Text(part) => text.push_str(part),
                Node::Element(element) => element.collect_text(text),
            }
        }
    }
}
