//! Texts in the formats that question banks use, as plain text and as Markdown.

mod html;

use crate::assessment::Style;

/// How a text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// Moodle's own: HTML in which line breaks count.
    #[default]
    Moodle,
    /// HTML.
    Html,
    /// Markdown.
    Markdown,
    /// Text without any markup.
    Plain,
}

/// A text in both styles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wording {
    plain: String,
    /// Where it differs.
    markdown: Option<String>,
}

impl Wording {
    /// Markdown stays as it is, also in plain text, which it was made to be read as. Plain text isn't escaped in Markdown.
    pub(crate) fn new(format: Format, text: &str) -> Self {
        match format {
            Format::Markdown | Format::Plain => Self { plain: text.trim().into(), markdown: None },
            Format::Moodle | Format::Html => {
                let breaks = format == Format::Moodle;
                let plain = html::to_text(text, Style::Plain, breaks);
                let markdown = html::to_text(text, Style::Markdown, breaks);
                Self { markdown: (markdown != plain).then_some(markdown), plain }
            }
        }
    }

    pub(crate) fn get(&self, style: Style) -> &str {
        match style {
            Style::Plain => &self.plain,
            Style::Markdown => self.markdown.as_deref().unwrap_or(&self.plain),
        }
    }
}
