//! Tables.

use super::Writer;
use crate::assessment::qti::error::Reading;
use crate::assessment::qti::xml::Element;

impl Writer<'_> {
    /// Rows in lines, cells divided by `|`.
    pub(super) fn table(&mut self, table: &Element) -> Reading<()> {
        if let Some(caption) = table.child("caption") {
            self.flow(caption)?;
            self.end_paragraph();
        }
        let mut rows = Vec::new();
        for part in table.elements() {
            match part.name.as_str() {
                "thead" | "tbody" | "tfoot" => {
                    for row in part.elements() {
                        rows.push(self.row(row)?);
                    }
                }
                "tr" => rows.push(self.row(part)?),
                "caption" | "col" | "colgroup" => {}
                _ => return Err(part.fault("it doesn't belong into a table")),
            }
        }
        let markdown = self.is_markdown();
        let write = |row: &Vec<String>| {
            let line = row.join(" | ");
            if markdown { format!("| {line} |") } else { line }
        };
        let mut lines: Vec<String> = rows.iter().map(write).collect();
        if let (true, Some(first)) = (markdown, rows.first()) {
            lines.insert(1, format!("|{}", " --- |".repeat(first.len())));
        }
        self.block(lines.join("\n"));
        Ok(())
    }

    fn row(&mut self, row: &Element) -> Reading<Vec<String>> {
        if row.name != "tr" {
            return Err(row.fault("only <tr> belongs here"));
        }
        let mut cells = Vec::new();
        for cell in row.elements() {
            if !matches!(cell.name.as_str(), "td" | "th") {
                return Err(cell.fault("only <td> and <th> belong here"));
            }
            let text = self.cell(cell)?;
            cells.push(if self.is_markdown() { text.replace('|', "\\|") } else { text });
        }
        Ok(cells)
    }
}
