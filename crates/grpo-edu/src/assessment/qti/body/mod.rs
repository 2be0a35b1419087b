//! The body of an item as text, with its interactions in their places.

mod inline;
mod line;
mod mathml;
mod picture;
mod table;

use super::error::Reading;
use super::slot::{self, Slot};
use super::xml::{Element, Node};
use crate::assessment::{Interaction, Style, answer};
use line::Line;

/// How a body is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) style: Style,
    /// Whether what there is to choose from is listed.
    pub(super) options: bool,
}

/// Writes the body of an item. `slots` are its interactions, in the order in which they stand in it.
pub(super) fn write(body: &Element, slots: &[Slot], manner: Manner) -> Reading<String> {
    let mut writer = Writer::new(slots, manner, 0);
    writer.flow(body)?;
    Ok(writer.finish().0)
}

/// The text of a choice, without markup.
pub(super) fn plain(element: &Element) -> Reading<String> {
    let manner = Manner { style: Style::Plain, options: false };
    let mut writer = Writer::new(&[], manner, 0);
    writer.flow(element)?;
    Ok(writer.finish().0)
}

/// All interactions of a body, in the order in which they stand in it.
pub(super) fn interactions(body: &Element) -> Vec<&Element> {
    let mut found = Vec::new();
    collect(body, &mut found);
    found
}

fn collect<'a>(element: &'a Element, found: &mut Vec<&'a Element>) {
    if slot::is_interaction(element) {
        found.push(element);
    } else if !is_left_out(element) {
        element.elements().for_each(|part| collect(part, found));
    }
}

/// What a candidate doesn't see before answering, and what isn't text.
fn is_left_out(element: &Element) -> bool {
    match element.name.as_str() {
        "feedbackInline" | "feedbackBlock" | "modalFeedback" | "infoControl" | "style" | "stylesheet"
        | "catalogInfo" => true,
        "rubricBlock" => !element
            .attribute("view")
            .is_none_or(|view| view.split_whitespace().any(|one| one == "candidate")),
        _ => false,
    }
}

/// Writes text in blocks (paragraphs, lists, tables), which blank lines divide.
struct Writer<'a> {
    slots: &'a [Slot],
    manner: Manner,
    /// The place of the next interaction.
    next: usize,
    blocks: Vec<String>,
    line: Line,
    /// Blocks that belong after the paragraph being written.
    pending: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(slots: &'a [Slot], manner: Manner, next: usize) -> Self {
        Self { slots, manner, next, blocks: Vec::new(), line: Line::default(), pending: Vec::new() }
    }

    fn is_markdown(&self) -> bool {
        self.manner.style == Style::Markdown
    }

    /// The text, and the place of the next interaction.
    fn finish(mut self) -> (String, usize) {
        self.end_paragraph();
        (self.blocks.join("\n\n"), self.next)
    }

    fn end_paragraph(&mut self) {
        let text = self.line.take();
        self.block(text);
        self.blocks.append(&mut self.pending);
    }

    fn block(&mut self, text: String) {
        if !text.trim().is_empty() {
            self.blocks.push(text);
        }
    }

    /// Text and elements in any mixture.
    fn flow(&mut self, element: &Element) -> Reading<()> {
        for node in &element.children {
            match node {
                Node::Text(text) => self.text(text),
                Node::Element(part) if is_left_out(part) => {}
                Node::Element(part) => {
                    if !self.inline(part)? {
                        self.end_paragraph();
                        self.flow_block(part)?;
                        self.end_paragraph();
                    }
                }
            }
        }
        Ok(())
    }

    /// What is written into a part of its own, to be indented or marked.
    fn part(&mut self, element: &Element) -> Reading<String> {
        let mut writer = Writer::new(self.slots, self.manner, self.next);
        writer.flow(element)?;
        let (text, next) = writer.finish();
        self.next = next;
        Ok(text)
    }

    fn flow_block(&mut self, element: &Element) -> Reading<()> {
        match element.name.as_str() {
            "p" | "div" | "address" | "section" | "article" | "aside" | "header" | "footer" | "main"
            | "nav" | "figure" | "figcaption" | "center" | "fieldset" | "legend" | "details" | "summary"
            | "dl" | "dt" | "rubricBlock" | "stimulusBody" | "contentBody" | "prompt" => self.flow(element),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let text = self.part(element)?;
                let level = element.name.bytes().last().map_or(1, |digit| usize::from(digit - b'0'));
                let marks =
                    if self.is_markdown() { format!("{} ", "#".repeat(level)) } else { String::new() };
                self.block(format!("{marks}{text}"));
                Ok(())
            }
            "ul" | "ol" => self.list(element),
            "dd" => {
                let text = self.part(element)?;
                self.block(indented(&text, "  ", "  "));
                Ok(())
            }
            "blockquote" => {
                let text = self.part(element)?;
                let mark = if self.is_markdown() { "> " } else { "  " };
                self.block(indented(&text, mark, mark));
                Ok(())
            }
            "pre" => {
                let text = element.text();
                let fence = if text.contains("```") { "~~~" } else { "```" };
                self.block(if self.is_markdown() { format!("{fence}\n{text}\n{fence}") } else { text });
                Ok(())
            }
            "hr" => {
                self.block("---".into());
                Ok(())
            }
            "table" => self.table(element),
            _ if slot::is_interaction(element) => self.interaction(element),
            _ => Err(element.unsupported("it isn't known how to write it as text: remove it from the item")),
        }
    }

    fn list(&mut self, list: &Element) -> Reading<()> {
        let mut lines = Vec::new();
        for (place, entry) in list.elements().enumerate() {
            let text = self.part(entry)?;
            let mark = if list.name == "ol" { format!("{}. ", place + 1) } else { "- ".into() };
            lines.push(indented(&text, &mark, &" ".repeat(mark.len())));
        }
        self.block(lines.join("\n"));
        Ok(())
    }

    /// The place of an interaction in its item, from 1, or 0 where it is the only one; the next one follows.
    fn number(&mut self) -> usize {
        self.next += 1;
        if self.slots.len() > 1 { self.next } else { 0 }
    }

    /// An interaction that is a block of its own.
    fn interaction(&mut self, element: &Element) -> Reading<()> {
        let place = self.next;
        let number = self.number();
        if let Some(prompt) = element.child("prompt") {
            self.flow(prompt)?;
            self.end_paragraph();
        }
        match element.name.as_str() {
            "gapMatchInteraction" | "hottextInteraction" => self.passage(element, number)?,
            "selectPointInteraction" => {
                let picture = picture::stage(element).map(picture::describe_stage).unwrap_or_default();
                self.block(picture);
            }
            _ => {}
        }
        let Some(Slot { interaction, note, .. }) = self.slots.get(place) else { return Ok(()) };
        let has_options = !matches!(
            interaction,
            Interaction::Text
                | Interaction::Number
                | Interaction::Point
                | Interaction::Essay
                | Interaction::Truth
        );
        if has_options && self.manner.options {
            self.block(answer::show(interaction, number, self.manner.style));
        } else if number > 0 {
            self.block(answer::gap(number, 0));
        }
        self.block(note.clone().unwrap_or_default());
        Ok(())
    }

    /// The text of an interaction that has a text with places in it.
    fn passage(&mut self, element: &Element, number: usize) -> Reading<()> {
        let mut gaps = 0;
        let parts =
            element.elements().filter(|part| !matches!(part.name.as_str(), "prompt" | "gapText" | "gapImg"));
        for part in parts {
            let mut writer = Writer::new(self.slots, self.manner, self.next);
            let marked = mark_gaps(part, number, &mut gaps);
            if !writer.inline(&marked)? {
                writer.flow_block(&marked)?;
            }
            let text = writer.finish().0;
            self.block(text);
        }
        Ok(())
    }
}

/// The same text with `[1]` where a gap is.
fn mark_gaps(element: &Element, number: usize, gaps: &mut usize) -> Element {
    let mut marked = element.shallow();
    for node in &element.children {
        marked.children.push(match node {
            Node::Text(text) => Node::Text(text.clone()),
            Node::Element(part) if part.name == "gap" => {
                *gaps += 1;
                Node::Text(answer::gap(number, *gaps))
            }
            Node::Element(part) => Node::Element(mark_gaps(part, number, gaps)),
        });
    }
    marked
}

/// The first line after one mark and all others after another.
fn indented(text: &str, first: &str, others: &str) -> String {
    let mut out = String::with_capacity(text.len() + first.len());
    for (place, line) in text.lines().enumerate() {
        if place > 0 {
            out.push('\n');
        }
        let mark = if place == 0 { first } else { others };
        out.push_str(if line.is_empty() { mark.trim_end() } else { mark });
        out.push_str(line);
    }
    out
}
