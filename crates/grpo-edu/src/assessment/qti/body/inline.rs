//! Elements within a paragraph.

use super::line::Line;
use super::{Writer, is_left_out, mathml, picture};
use crate::assessment::answer;
use crate::assessment::qti::error::Reading;
use crate::assessment::qti::slot;
use crate::assessment::qti::xml::{Element, Node};

impl Writer<'_> {
    /// Text between elements.
    pub(super) fn text(&mut self, text: &str) {
        if !self.is_markdown() {
            self.line.push(text);
            return;
        }
        let mut escaped = String::with_capacity(text.len());
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            // At the beginning of a paragraph these would make it a heading, a list or a quotation.
            let begins = self.line.as_str().is_empty() && escaped.trim().is_empty();
            let special = match letter {
                '\\' | '*' | '_' | '`' => true,
                '#' | '+' | '-' => {
                    begins && letters.peek().is_none_or(|next| next.is_whitespace() || *next == '#')
                }
                '>' => begins,
                _ => false,
            };
            if special {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
        self.line.push(&escaped);
    }

    /// Writes an element into the paragraph; `false` where it is a block of its own.
    pub(super) fn inline(&mut self, element: &Element) -> Reading<bool> {
        let markdown = self.is_markdown();
        let (open, close) = match element.name.as_str() {
            "span" | "a" | "abbr" | "acronym" | "dfn" | "samp" | "kbd" | "bdo" | "bdi" | "big" | "small"
            | "ins" | "u" | "label" | "hottext" | "time" | "data" | "font" | "ruby" | "rb" | "mark" | "s"
            | "del" | "wbr" | "sliderLabel" => ("", ""),
            "em" | "i" | "var" | "cite" if markdown => ("*", "*"),
            "em" | "i" | "var" | "cite" => ("", ""),
            "strong" | "b" if markdown => ("**", "**"),
            "strong" | "b" => ("", ""),
            "code" | "tt" => {
                self.code(&element.text());
                return Ok(true);
            }
            "q" => ("“", "”"),
            "rt" => (" (", ")"),
            "rp" => return Ok(true),
            "sub" | "sup" => {
                let mark = if element.name == "sub" { "_" } else { "^" };
                let inner = self.inner(element)?;
                let short = inner.as_str().chars().all(char::is_alphanumeric);
                let (open, close) = if short { (mark.to_owned(), "") } else { (format!("{mark}("), ")") };
                self.line.push_marked(&open, &inner, close);
                return Ok(true);
            }
            "br" => {
                self.line.push_break(if markdown { "  \n" } else { "\n" });
                return Ok(true);
            }
            "img" | "object" | "picture" | "svg" => {
                self.line.push_whole(&picture::describe(element));
                return Ok(true);
            }
            "math" => {
                self.line.push_whole(&mathml::linear(element));
                return Ok(true);
            }
            "textEntryInteraction" | "inlineChoiceInteraction" => {
                self.inline_interaction();
                return Ok(true);
            }
            "gap" => return Err(element.fault("a gap belongs into a <gapMatchInteraction>")),
            "printedVariable" | "templateInline" | "templateBlock" => {
                return Err(element.unsupported("the text depends on variables: write it out"));
            }
            "audio" | "video" | "track" | "source" | "iframe" | "embed" | "canvas" => {
                return Err(element.unsupported("it isn't text: items that need it can't be asked here"));
            }
            "include" => {
                return Err(element.unsupported("text in other files isn't read: write it into the item"));
            }
            _ => return Ok(false),
        };
        let inner = self.inner(element)?;
        if matches!(element.children.first(), Some(Node::Text(text)) if text.starts_with(char::is_whitespace))
        {
            self.line.push_blank();
        }
        self.line.push_marked(open, &inner, close);
        Ok(true)
    }

    /// The content of an element as running text; blocks in it are divided by blanks.
    fn inner(&mut self, element: &Element) -> Reading<Line> {
        let outer = std::mem::take(&mut self.line);
        let written = self.run(element);
        let inner = std::mem::replace(&mut self.line, outer);
        written.map(|()| inner)
    }

    fn run(&mut self, element: &Element) -> Reading<()> {
        for node in &element.children {
            match node {
                Node::Text(text) => self.text(text),
                Node::Element(part) if is_left_out(part) => {}
                Node::Element(part) => {
                    if !self.inline(part)? {
                        self.block_in_line(part)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A block where there is only room for running text, as in a cell of a table.
    fn block_in_line(&mut self, element: &Element) -> Reading<()> {
        self.line.push_blank();
        if slot::is_interaction(element) {
            let number = if self.slots.len() > 1 { self.next + 1 } else { 0 };
            self.line.push_whole(&answer::gap(number, 0));
            let mut writer = Writer::new(self.slots, self.manner, self.next);
            writer.interaction(element)?;
            let (text, next) = writer.finish();
            self.next = next;
            self.pending.push(text);
        } else if matches!(element.name.as_str(), "table" | "pre" | "hr") {
            let mut writer = Writer::new(self.slots, self.manner, self.next);
            writer.flow_block(element)?;
            let (text, next) = writer.finish();
            self.next = next;
            self.line.push(&text);
        } else {
            self.run(element)?;
        }
        self.line.push_blank();
        Ok(())
    }

    /// The content of a cell.
    pub(super) fn cell(&mut self, element: &Element) -> Reading<String> {
        let mut inner = self.inner(element)?;
        Ok(inner.take().replace('\n', " "))
    }

    fn code(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let fence = if text.contains('`') { "``" } else { "`" };
        if self.is_markdown() {
            self.line.push_whole(&format!("{fence}{text}{fence}"));
        } else {
            self.line.push_whole(text);
        }
    }

    fn inline_interaction(&mut self) {
        let place = self.next;
        let number = self.number();
        self.line.push_whole(&answer::gap(number, 0));
        if let Some(slot) = self.slots.get(place).filter(|_| self.manner.options) {
            let options = answer::show(&slot.interaction, number, self.manner.style);
            if !options.is_empty() {
                self.pending.push(options);
            }
        }
    }
}
