//! Running text: white space collapsed as a browser does.

/// A paragraph that is being written.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: String,
    blank: bool,
}

impl Line {
    /// Adds text as it stands in the XML.
    pub(super) fn push(&mut self, text: &str) {
        for letter in text.chars() {
            if letter.is_whitespace() && letter != '\u{a0}' {
                self.blank = true;
            } else {
                self.settle();
                self.text.push(letter);
            }
        }
    }

    /// Adds something that has its own spaces.
    pub(super) fn push_whole(&mut self, text: &str) {
        if !text.is_empty() {
            self.settle();
            self.text.push_str(text);
        }
    }

    /// Adds text between marks; blanks at its ends go outside of them.
    pub(super) fn push_marked(&mut self, open: &str, inner: &Self, close: &str) {
        if !inner.text.is_empty() {
            self.push_whole(&format!("{open}{}{close}", inner.text));
        }
        self.blank |= inner.blank;
    }

    /// Ends a line within the paragraph.
    pub(super) fn push_break(&mut self, end: &str) {
        self.blank = false;
        if !self.text.is_empty() {
            self.text.push_str(end);
        }
    }

    pub(super) fn push_blank(&mut self) {
        self.blank = true;
    }

    fn settle(&mut self) {
        if self.blank && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(' ');
        }
        self.blank = false;
    }

    /// The text; what follows begins anew.
    pub(super) fn take(&mut self) -> String {
        self.blank = false;
        let text = std::mem::take(&mut self.text);
        text.trim_end().to_owned()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}
