use std::fmt::Write as _;

/// Rows in aligned columns: the first column and those named in `left` to the left, the others to the right.
pub(crate) fn aligned(rows: &[Vec<String>], left: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "   " };
            let _ = match column == 0 || left.contains(&column) {
                true => write!(line, "{gap}{cell:<width$}"),
                false => write!(line, "{gap}{cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_without_blanks() {
        let rows = [
            vec!["a".into(), "10.0 %".into(), String::new()],
            vec!["after".into(), "9 %".into(), "+1".into()],
        ];
        assert_eq!(aligned(&rows, &[]), "a       10.0 %\nafter      9 %   +1\n");
    }
}
