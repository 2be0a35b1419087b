//! A table of plain text, for a page, a terminal or a Markdown document.

use super::text::{escape, escape_attribute, hidden_as_code_points};

/// A table. Its cells are plain text; what they need to be shown safely is done where they are shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) columns: Vec<Column>,
    /// How many columns at the left name the row.
    pub(super) heads: usize,
    pub(super) rows: Vec<Vec<String>>,
    /// What to know of the numbers; may be empty.
    pub(super) note: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    name: String,
    is_number: bool,
}

impl Column {
    pub(super) fn text(name: &str) -> Self {
        Self { name: name.into(), is_number: false }
    }

    pub(super) fn number(name: &str) -> Self {
        Self { name: name.into(), is_number: true }
    }
}

impl Table {
    /// For a page. It scrolls sideways where the page is too narrow.
    pub(super) fn html(&self) -> String {
        let class = |index: usize| {
            if self.columns.get(index).is_some_and(|it| it.is_number) { " class=\"num\"" } else { "" }
        };
        let mut out = format!(
            "<div class=\"scroll card\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n<table class=\"figures-table\">\n\
             <caption>{}</caption>\n<thead><tr>",
            escape_attribute(&self.caption),
            escape(&self.caption)
        );
        for (index, column) in self.columns.iter().enumerate() {
            out += &format!("<th scope=\"col\"{}>{}</th>", class(index), escape(&column.name));
        }
        out += "</tr></thead>\n<tbody>\n";
        for row in &self.rows {
            out += "<tr>";
            for (index, cell) in row.iter().enumerate() {
                let is_number = self.columns.get(index).is_some_and(|it| it.is_number);
                // An interval stands below its number: beside it the table would be too wide.
                let cell = match cell.split_once(" (") {
                    Some((number, interval)) if is_number => {
                        format!("{}<span class=\"reason\">({}</span>", escape(number), escape(interval))
                    }
                    _ => escape(cell),
                };
                out += &if index < self.heads {
                    format!("<th scope=\"row\"{}><bdi>{cell}</bdi></th>", class(index))
                } else {
                    format!("<td{}>{cell}</td>", class(index))
                };
            }
            out += "</tr>\n";
        }
        out += "</tbody>\n</table>\n</div>\n";
        if !self.note.is_empty() {
            out += &format!("<p class=\"note below\">{}</p>\n", escape(&self.note));
        }
        out
    }

    /// For a terminal: columns aligned, numbers to the right.
    pub(super) fn text(&self) -> String {
        let header: Vec<String> = self.columns.iter().map(|column| plain(&column.name)).collect();
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
        let widths: Vec<usize> = (0..header.len())
            .map(|index| {
                let cells = rows.iter().chain([&header]).filter_map(|row| row.get(index));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&self.columns).zip(&widths).map(|((cell, column), width)| {
                if column.is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let mut out = format!("{}\n\n{}{}\n", plain(&self.caption), line(&header), rule.join("  "));
        rows.iter().for_each(|row| out += &line(row));
        if !self.note.is_empty() {
            out += &format!("\n{}\n", plain(&self.note));
        }
        out
    }

    /// For a document.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut out = format!("**{}**\n\n", markdown(&self.caption));
        out += &line(self.columns.iter().map(|column| markdown(&column.name)).collect());
        out += &line(
            self.columns
                .iter()
                .map(|column| if column.is_number { "---:" } else { "---" }.to_owned())
                .collect(),
        );
        for row in &self.rows {
            out += &line(row.iter().map(|cell| markdown(cell)).collect());
        }
        if !self.note.is_empty() {
            out += &format!("\n{}\n", markdown(&self.note));
        }
        out
    }
}

/// `text` on one line of a terminal: nothing in it moves the cursor or hides.
pub(super) fn plain(text: &str) -> String {
    hidden_as_code_points(&text.replace(['\n', '\t', '\u{a0}'], " "))
}

/// `text` as it is in Markdown: nothing in it is markup.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in plain(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            caption: "Two arms".into(),
            columns: vec![Column::text("Arm"), Column::number("Worth")],
            heads: 1,
            rows: vec![vec!["grpo".into(), "0.6".into()], vec!["p|p\no<".into(), "12.5\u{a0}%".into()]],
            note: String::new(),
        }
    }

    #[test]
    fn text_is_aligned() {
        assert_eq!(
            table().text(),
            "Two arms\n\nArm      Worth\n------  ------\ngrpo       0.6\np|p o<  12.5 %\n"
        );
    }

    #[test]
    fn markup_in_cells_stays_text() {
        assert!(
            table()
                .html()
                .contains("<th scope=\"row\"><bdi>p|p\no&lt;</bdi></th><td class=\"num\">12.5\u{a0}%</td>")
        );
        assert!(
            table()
                .markdown()
                .ends_with("| Arm | Worth |\n| --- | ---: |\n| grpo | 0.6 |\n| p\\|p o&lt; | 12.5 % |\n")
        );
        assert_eq!(plain("a\u{1b}[31m\r"), "a\u{27e8}U+001B\u{27e9}[31m\u{27e8}U+000D\u{27e9}");
    }
}
