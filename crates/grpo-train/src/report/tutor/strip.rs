//! A strip that shows what is inside of a learner, item by item, before a step and after it.

use super::super::text::escape_attribute;
use super::moves::{Move, moves};

/// Cells beyond which neighbouring items share one.
pub(super) const MOST_CELLS: usize = 64;
/// Levels of the colour.
const LEVELS: usize = 20;
const WIDTH: usize = 192;
const ROW: usize = 8;
const HEIGHT: usize = 2 * ROW + 1 + 7;

/// Items that share a cell.
pub(super) fn items_each(items: usize) -> usize {
    items.div_ceil(MOST_CELLS).max(1)
}

/// The strip: before above, after below, and a mark under every cell in which an item moved. `about` is its text alternative.
pub(super) fn svg(before: &[f64], after: &[f64], about: &str) -> String {
    let each = items_each(after.len().max(before.len()));
    let cells = after.len().max(before.len()).div_ceil(each).max(1);
    let cell = (WIDTH / cells).clamp(3, 16);
    let width = cells * cell;
    let mut out = format!(
        "<svg class=\"strip\" role=\"img\" aria-label=\"{}\" width=\"{width}\" height=\"{HEIGHT}\" viewBox=\"0 0 {width} {HEIGHT}\">\
         <rect width=\"{width}\" height=\"{ROW}\" fill=\"var(--grid)\" fill-opacity=\"0.6\"/>\
         <rect y=\"{}\" width=\"{width}\" height=\"{ROW}\" fill=\"var(--grid)\" fill-opacity=\"0.6\"/>",
        escape_attribute(about),
        ROW + 1
    );
    out += &cells_of(before, each, cell, 0);
    out += &cells_of(after, each, cell, ROW + 1);
    let moved = moves(before, after);
    for up in [true, false] {
        out += &marks(&moved, up, each, cell);
    }
    out + "</svg>"
}

/// One path for each level of the colour.
fn cells_of(values: &[f64], each: usize, cell: usize, y: usize) -> String {
    let mut paths = vec![String::new(); LEVELS + 1];
    for (place, items) in values.chunks(each).enumerate() {
        let mean = items.iter().sum::<f64>() / items.len() as f64;
        let level = (mean.clamp(0.0, 1.0) * LEVELS as f64).round() as usize;
        // A gap of half a pixel between cells, where there is room for it.
        let wide = if cell > 4 { format!("{}.5", cell - 1) } else { cell.to_string() };
        paths[level.min(LEVELS)] += &format!("M{} {y}h{wide}v{ROW}h-{wide}z", place * cell);
    }
    let drawn = paths.iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty());
    drawn
        .map(|(level, path)| {
            let opacity = level as f64 / LEVELS as f64;
            format!("<path d=\"{path}\" fill=\"var(--series-0)\" fill-opacity=\"{opacity:.2}\"/>")
        })
        .collect()
}

/// Triangles: they point up where an item rose, down where one fell.
fn marks(moved: &[Move], up: bool, each: usize, cell: usize) -> String {
    let mut places: Vec<usize> =
        moved.iter().filter(|it| it.is_up() == up).map(|it| it.item / each).collect();
    places.sort_unstable();
    places.dedup();
    if places.is_empty() {
        return String::new();
    }
    let (top, bottom) = (2 * ROW + 2, HEIGHT);
    let half = (cell as f64 / 2.0).clamp(2.0, 4.0);
    let mut path = String::new();
    for place in places {
        let x = (place * cell) as f64 + cell as f64 / 2.0;
        let (tip, base) = if up { (top, bottom) } else { (bottom, top) };
        path += &format!("M{x} {tip}L{} {base}H{}z", x + half, x - half);
    }
    let colour = if up { "var(--up)" } else { "var(--down)" };
    format!("<path d=\"{path}\" fill=\"{colour}\"/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cells_and_moves_are_marks() {
        let svg = svg(&[0.0, 1.0, 0.5], &[0.5, 0.2, 0.5], "two moved");
        assert!(svg.contains("aria-label=\"two moved\""));
        assert_eq!(svg.matches("fill=\"var(--up)\"").count(), 1);
        assert_eq!(svg.matches("fill=\"var(--down)\"").count(), 1);
        // Before: 1 and 0.5; after: 0.5 twice in one path, and 0.2.
        assert_eq!(svg.matches("fill=\"var(--series-0)\"").count(), 4);
    }

    #[test]
    fn many_items_share_cells_and_an_outlier_stays_inside_the_strip() {
        assert_eq!((items_each(64), items_each(65), items_each(500)), (1, 2, 8));
        let svg = svg(&vec![-3.0; 500], &vec![7.0; 500], "all moved");
        assert!(svg.contains("width=\"189\"") && svg.contains("fill-opacity=\"1.00\""));
    }
}
