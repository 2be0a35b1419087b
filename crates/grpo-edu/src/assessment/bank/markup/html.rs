//! HTML to text: tags are removed, entities decoded, and what a tag says is kept where text can say it too.
//!
//! A question that says `x<sup>2</sup>` must not become `x2`, and one that says `vector<int>` has no tag at all: only names of HTML
//! are tags.

use html_escape::decode_html_entities;

use crate::assessment::Style;

/// Raised and lowered texts nested deeper than this are no longer marked as such.
const MAX_RAISED: usize = 8;

/// The text of HTML. With `breaks`, its line breaks and spaces count.
pub(super) fn to_text(source: &str, style: Style, breaks: bool) -> String {
    if !source.contains(['<', '&']) && breaks {
        return tidied(source);
    }
    let mut writer =
        Writer { text: String::new(), style, breaks, verbatim: 0, raised: Vec::new(), hidden: None };
    let mut rest = source;
    let mut ends = Ends { quotes: true, comments: true, any: true };
    while let Some(at) = rest.find('<') {
        writer.words(&rest[..at]);
        rest = &rest[at..];
        let length = match rest.strip_prefix("<!--") {
            Some(comment) => ends.comment(comment).map(|end| end + "<!--".len()),
            None => Tag::read(rest, &mut ends).map(|(tag, length)| {
                writer.tag(&tag);
                length
            }),
        };
        if length.is_none() {
            writer.words("<");
        }
        rest = &rest[length.unwrap_or(1)..];
    }
    writer.words(rest);
    tidied(&writer.text)
}

/// Without spaces at the ends of lines and without more than one empty line in a row.
fn tidied(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().split('\n').map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty > 1 {
            continue;
        }
        if !tidy.is_empty() {
            tidy.push('\n');
        }
        tidy += line;
    }
    tidy
}

/// A tag whose name is one of HTML's.
struct Tag<'a> {
    /// In small letters.
    name: String,
    closes: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// The tag that `text` begins with, and its length.
    fn read(text: &'a str, ends: &mut Ends) -> Option<(Self, usize)> {
        const LONGEST_NAME: usize = 10;
        let inner = text.strip_prefix('<')?;
        let closes = inner.starts_with('/');
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        let length = inner.bytes().take(LONGEST_NAME + 1).take_while(u8::is_ascii_alphanumeric).count();
        let name = inner[..length].to_ascii_lowercase();
        let after = inner[length..].chars().next()?;
        if !is_html(&name) || !(after.is_whitespace() || matches!(after, '/' | '>')) {
            return None;
        }
        let start = text.len() - inner.len() + length;
        let end = start + ends.find(&text[start..])?;
        Some((Self { name, closes, attributes: &text[start..end] }, end + 1))
    }

    /// The value of an attribute, where it is in quotes.
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let at = self.attributes.to_ascii_lowercase().find(&format!(" {name}="))?;
        let value = self.attributes.get(at + name.len() + 2..)?;
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        value[1..].split_once(quote).map(|(value, _)| value)
    }
}

/// What is known about the ends of the tags to come. What isn't there any more is looked for once, and not for every tag.
struct Ends {
    /// Whether quotes may be closed.
    quotes: bool,
    /// Whether comments may be closed.
    comments: bool,
    /// Whether there may be a `>`.
    any: bool,
}

impl Ends {
    /// How long a comment is from here on, its end included.
    fn comment(&mut self, text: &str) -> Option<usize> {
        let end = if self.comments { text.find("-->") } else { None };
        self.comments = end.is_some();
        end.map(|end| end + "-->".len())
    }

    /// Where the `>` is that ends a tag: the first one outside of quotes, or the first one if a quote is never closed.
    fn find(&mut self, text: &str) -> Option<usize> {
        if self.quotes {
            if let Some(end) = outside_quotes(text) {
                return Some(end);
            }
            self.quotes = false;
        }
        let end = if self.any { text.find('>') } else { None };
        self.any = end.is_some();
        end
    }
}

fn outside_quotes(text: &str) -> Option<usize> {
    let mut open = None;
    for (at, byte) in text.bytes().enumerate() {
        match (open, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => open = Some(byte),
            (Some(quote), byte) if quote == byte => open = None,
            _ => {}
        }
    }
    None
}

fn is_html(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "audio"
            | "b"
            | "big"
            | "blockquote"
            | "br"
            | "caption"
            | "center"
            | "cite"
            | "code"
            | "col"
            | "colgroup"
            | "dd"
            | "del"
            | "div"
            | "dl"
            | "dt"
            | "em"
            | "figcaption"
            | "figure"
            | "font"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "hr"
            | "i"
            | "img"
            | "ins"
            | "kbd"
            | "li"
            | "mark"
            | "ol"
            | "p"
            | "pre"
            | "q"
            | "s"
            | "samp"
            | "script"
            | "section"
            | "small"
            | "source"
            | "span"
            | "strike"
            | "strong"
            | "style"
            | "sub"
            | "sup"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "tt"
            | "u"
            | "ul"
            | "var"
            | "video"
    )
}

struct Writer {
    text: String,
    style: Style,
    breaks: bool,
    /// How many `<pre>` are open.
    verbatim: usize,
    /// Where raised or lowered texts begin.
    raised: Vec<usize>,
    /// The name of the element whose content isn't shown.
    hidden: Option<String>,
}

impl Writer {
    fn words(&mut self, source: &str) {
        if self.hidden.is_some() {
            return;
        }
        let decoded = decode_html_entities(source);
        let shown = decoded.chars().filter(|c| !c.is_control() || c.is_whitespace());
        if self.breaks || self.verbatim > 0 {
            self.text.extend(shown.map(|c| if c == '\u{a0}' { ' ' } else { c }));
            return;
        }
        for c in shown {
            match c.is_whitespace() {
                false => self.text.push(c),
                true if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) => self.text.push(' '),
                true => {}
            }
        }
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        if let Some(hidden) = &self.hidden {
            if tag.closes && *hidden == tag.name {
                self.hidden = None;
            }
            return;
        }
        match tag.name.as_str() {
            "script" | "style" if !tag.closes => self.hidden = Some(tag.name.clone()),
            "br" => self.text.push('\n'),
            "hr" | "div" | "tr" | "dt" | "dd" | "caption" | "figcaption" => self.line(1),
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table" | "blockquote"
            | "section" | "figure" | "center" => self.line(2),
            "pre" => {
                self.line(2);
                self.verbatim = if tag.closes { self.verbatim.saturating_sub(1) } else { self.verbatim + 1 };
            }
            "li" => {
                self.line(1);
                self.text.push_str(if tag.closes { "" } else { "- " });
            }
            "td" | "th" if !tag.closes && !self.text.is_empty() && !self.text.ends_with('\n') => {
                self.text.push_str(" | ");
            }
            "b" | "strong" => self.mark("**"),
            "i" | "em" => self.mark("*"),
            "code" | "tt" | "kbd" | "samp" if self.verbatim == 0 => self.mark("`"),
            "sup" => self.raise('^', tag.closes),
            "sub" => self.raise('_', tag.closes),
            "img" => self.picture(tag.attribute("alt").unwrap_or_default()),
            _ => {}
        }
    }

    /// Makes sure that the text ends with so many line breaks.
    fn line(&mut self, breaks: usize) {
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
        let there = self.text.bytes().rev().take(breaks).take_while(|byte| *byte == b'\n').count();
        if !self.text.is_empty() {
            self.text.extend(std::iter::repeat_n('\n', breaks - there));
        }
    }

    fn mark(&mut self, mark: &str) {
        match self.style {
            Style::Plain => {}
            Style::Markdown => self.text.push_str(mark),
        }
    }

    /// `x<sup>2</sup>` as `x^2`, `x<sup>n+1</sup>` as `x^(n+1)`.
    fn raise(&mut self, sign: char, closes: bool) {
        if !closes && self.raised.len() < MAX_RAISED {
            self.text.push(sign);
            self.raised.push(self.text.len());
        } else if closes && let Some(start) = self.raised.pop() {
            // Blocks inside may have shortened the text.
            let inside = self.text.get(start..).unwrap_or_default();
            if inside.chars().any(|c| !c.is_alphanumeric()) {
                self.text.insert(start, '(');
                self.text.push(')');
            }
        }
    }

    fn picture(&mut self, description: &str) {
        let description = decode_html_entities(description);
        match description.trim() {
            "" => self.text.push_str("[picture]"),
            description => self.text.push_str(&format!("[picture: {description}]")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tags_say_is_kept() {
        let table = [
            ("<p>A&nbsp;&amp;&#32;B</p><p>C<br>D</p>", "A & B\n\nC\nD", "A & B\n\nC\nD"),
            (
                "x<sup>2</sup> + H<sub>2</sub>O + e<sup>n + 1</sup>",
                "x^2 + H_2O + e^(n + 1)",
                "x^2 + H_2O + e^(n + 1)",
            ),
            ("<B>bold</B> and <em class='a > b'>slanted</em>", "bold and slanted", "**bold** and *slanted*"),
            (
                "vector<int> v; 1 < 2 && 3 > 2 <T>",
                "vector<int> v; 1 < 2 && 3 > 2 <T>",
                "vector<int> v; 1 < 2 && 3 > 2 <T>",
            ),
            ("<ul><li>one</li><li>two</li></ul>end", "- one\n- two\n\nend", "- one\n- two\n\nend"),
            ("a<img src=\"x.png\" alt=\"a &lt; b\">", "a[picture: a < b]", "a[picture: a < b]"),
            ("a<!-- no --><script>alert('<p>')</script>b<img src='y'>", "ab[picture]", "ab[picture]"),
            ("<pre>a\n  b</pre> c\n  d", "a\n  b\n\nc d", "a\n  b\n\nc d"),
            ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 | 2\n3", "1 | 2\n3"),
            ("<code>f(x)</code> <!-- open", "f(x) <!-- open", "`f(x)` <!-- open"),
            ("&#0;&#x1b;&bogus; &copy", "&#0;&#x1b;&bogus; &copy", "&#0;&#x1b;&bogus; &copy"),
            ("<p class=\"open>text", "text", "text"),
            ("<sup>a<p></p></sup>", "^(a\n\n)", "^(a\n\n)"),
        ];
        for (source, plain, markdown) in table {
            assert_eq!(to_text(source, Style::Plain, false), plain, "{source}");
            assert_eq!(to_text(source, Style::Markdown, false), markdown, "{source}");
        }
        assert_eq!(to_text("a  b \n\n\n<b>c</b>", Style::Plain, true), "a  b\n\nc");
    }

    #[test]
    fn a_megabyte_of_tags_takes_no_time() {
        for piece in [
            "<",
            "<b",
            "<b ",
            "<b \"",
            "<b '>",
            "<!--",
            "<sup>",
            "<sup>x</sup>",
            "<p>",
            "&",
            "&#",
            "<script>",
            "<img alt=\"",
            "<li>",
            " <p> ",
        ] {
            let start = std::time::Instant::now();
            to_text(&piece.repeat(1_000_000 / piece.len()), Style::Markdown, false);
            assert!(start.elapsed().as_millis() < 1000, "{piece}: {:?}", start.elapsed());
        }
    }
}
