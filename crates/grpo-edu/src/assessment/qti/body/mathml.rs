//! Formulas in one line: `<mfrac><mi>a</mi><mn>2</mn></mfrac>` becomes `a/2`.

use crate::assessment::qti::xml::{Element, Node};

/// A formula as text.
pub(super) fn linear(math: &Element) -> String {
    let text = match (math.elements().next(), math.attribute("alttext")) {
        (None, Some(alternative)) => alternative.to_owned(),
        _ => row(math),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All parts one after the other.
fn row(element: &Element) -> String {
    let mut line = String::new();
    for node in &element.children {
        match node {
            Node::Text(text) => line.push_str(text.trim()),
            Node::Element(part) if part.name == "mo" => operator(&part.text(), &mut line),
            Node::Element(part) => line.push_str(&term(part)),
        }
    }
    line
}

fn operator(sign: &str, line: &mut String) {
    match sign {
        // Applied functions, invisible products and separators.
        "\u{2061}" | "\u{2062}" | "\u{2063}" | "\u{2064}" => {}
        "," | ";" => {
            line.push_str(sign);
            line.push(' ');
        }
        "+" | "-" | "−" | "±" if line.is_empty() || line.ends_with(['(', ' ']) => line.push_str(sign),
        "(" | ")" | "[" | "]" | "{" | "}" | "|" | "!" | "'" | "′" | "/" | "%" | "°" => line.push_str(sign),
        _ => {
            line.push(' ');
            line.push_str(sign);
            line.push(' ');
        }
    }
}

fn term(element: &Element) -> String {
    let part = |place: usize| element.elements().nth(place).map(term).unwrap_or_default();
    let tight = |place: usize| grouped(part(place));
    match element.name.as_str() {
        "mfrac" => format!("{}/{}", tight(0), tight(1)),
        "msup" | "mover" => format!("{}^{}", tight(0), tight(1)),
        "msub" | "munder" => format!("{}_{}", tight(0), tight(1)),
        "msubsup" | "munderover" => format!("{}_{}^{}", tight(0), tight(1), tight(2)),
        "msqrt" => format!("√({})", row(element).trim()),
        "mroot" => format!("root({}, {})", part(1), part(0)),
        "mfenced" => {
            let parts: Vec<String> = element.elements().map(term).collect();
            let open = element.attribute("open").unwrap_or("(");
            let close = element.attribute("close").unwrap_or(")");
            format!("{open}{}{close}", parts.join(", "))
        }
        "mtable" => {
            let rows: Vec<String> = element.elements().map(term).collect();
            format!("[{}]", rows.join("; "))
        }
        "mtr" => element.elements().map(term).collect::<Vec<_>>().join(", "),
        "mspace" => " ".into(),
        "mphantom" | "annotation" | "annotation-xml" => String::new(),
        // Only the first part is what is shown.
        "semantics" => part(0),
        "ms" => format!("\"{}\"", element.text()),
        "mi" | "mn" | "mo" => element.text(),
        "mtext" => format!(" {} ", element.text()),
        _ => row(element),
    }
}

/// With brackets, where it is more than one sign or number.
fn grouped(text: String) -> String {
    let text = text.trim();
    let plain = text.chars().all(char::is_alphanumeric) || text.chars().count() == 1;
    let decimal = text.parse::<f64>().is_ok() && !text.starts_with('-');
    if plain || decimal { text.to_owned() } else { format!("({text})") }
}
