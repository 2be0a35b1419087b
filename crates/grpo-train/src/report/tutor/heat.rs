//! The map of what is taught when: steps across, actions down, the share of sessions as the strength of a colour.

use super::super::text::{count, cut, escape, escape_attribute, percent, share};
use super::action_name;
use crate::tutoring::Examination;

/// Rows beyond which neighbouring actions share one.
const MOST_ROWS: usize = 40;
/// Columns beyond which neighbouring steps share one.
const MOST_COLUMNS: usize = 60;
/// Characters of a name that fit beside the map.
const MOST_CHARACTERS: usize = 24;
/// Where the cells start, in CSS pixels.
const TOP: usize = 22;
const ROW: usize = 15;

/// Cells of a map, `shares[row][column]`.
#[derive(Debug, PartialEq)]
struct Map {
    shares: Vec<Vec<f64>>,
    /// Actions to a row, and steps to a column; the last may hold fewer.
    actions_each: usize,
    steps_each: usize,
    actions: usize,
    steps: usize,
}

impl Map {
    /// Actions of a row are added up, steps of a column averaged.
    fn of(examination: &Examination) -> Self {
        let steps = examination.chosen.len();
        let widest = examination.chosen.iter().map(Vec::len).max().unwrap_or(0);
        let actions = examination.actions.len().max(widest);
        let (actions_each, steps_each) =
            (actions.div_ceil(MOST_ROWS).max(1), steps.div_ceil(MOST_COLUMNS).max(1));
        let mut shares = vec![vec![0.0; steps.div_ceil(steps_each)]; actions.div_ceil(actions_each)];
        for (column, steps) in examination.chosen.chunks(steps_each).enumerate() {
            for step in steps {
                for (action, share) in step.iter().enumerate() {
                    shares[action / actions_each][column] += share / steps.len() as f64;
                }
            }
        }
        Self { shares, actions_each, steps_each, actions, steps }
    }

    fn columns(&self) -> usize {
        self.steps.div_ceil(self.steps_each)
    }

    fn most(&self) -> f64 {
        self.shares.iter().flatten().copied().filter(|share| share.is_finite()).fold(0.0, f64::max)
    }

    /// `step 3` or `steps 3 to 4`, from 1.
    fn steps_of(&self, column: usize) -> String {
        range("step", "steps", column * self.steps_each, self.steps_each, self.steps)
    }

    /// The name of a row: that of its action, or of its first and last.
    fn name_of(&self, row: usize, examination: &Examination) -> String {
        let (from, to) = (row * self.actions_each, ((row + 1) * self.actions_each).min(self.actions) - 1);
        let first = action_name(examination, from);
        if from == to { first } else { format!("{first} \u{2013} {}", action_name(examination, to)) }
    }
}

fn range(one: &str, many: &str, from: usize, each: usize, all: usize) -> String {
    let to = (from + each).min(all);
    if to - from == 1 { format!("{one} {to}") } else { format!("{many} {} to {to}", from + 1) }
}

/// The section of the map.
pub(super) fn section(examination: &Examination) -> String {
    let mut out = String::from("<section>\n<h2>What is taught when</h2>\n");
    let map = Map::of(examination);
    let top = map.most();
    if map.steps == 0 || map.actions == 0 || top <= 0.0 {
        return out + "<p class=\"note\">Not recorded in this examination.</p>\n</section>\n";
    }
    let mut binned = Vec::new();
    if map.actions_each > 1 {
        binned.push(format!(
            "{} neighbouring actions of {} share a row: their shares are added up",
            count(map.actions_each as u64),
            count(map.actions as u64)
        ));
    }
    if map.steps_each > 1 {
        binned.push(format!(
            "{} neighbouring steps of {} share a column: it shows their mean",
            count(map.steps_each as u64),
            count(map.steps as u64)
        ));
    }
    if !binned.is_empty() {
        out += &format!("<p class=\"note\">Drawn more coarsely than recorded: {}.</p>\n", binned.join("; "));
    }
    out += "<figure>\n<h3>Share of the trained tutor's sessions</h3>\n";
    out += &legend(top);
    out +=
        "<div class=\"scroll\" role=\"region\" aria-label=\"Map of what is taught when\" tabindex=\"0\">\n";
    out += &svg(&map, examination, top);
    out += "</div>\n<figcaption>Steps of a session across, actions down, in their order. The stronger the colour, the more of \
            the sessions that were still going on took this action at this step. A line that falls from one action to the \
            next is a fixed order; a spread-out patch means that the tutor decides by what it sees of the learner.</figcaption>\n";
    let is_cut = |row: &usize| cut(&map.name_of(*row, examination), MOST_CHARACTERS).1 > 0;
    let names: Vec<String> =
        (0..map.shares.len()).filter(is_cut).map(|row| escape(&map.name_of(row, examination))).collect();
    if !names.is_empty() {
        out += &format!(
            "<details>\n<summary>Names that are cut in the map, in full</summary>\n<ol class=\"names\">\n<li>{}</li>\n</ol>\n</details>\n",
            names.join("</li>\n<li>")
        );
    }
    out += &table(examination);
    out + "</figure>\n</section>\n"
}

/// Opacities from nothing to all; what is there at all can be seen.
fn opacity(share: f64, top: f64) -> f64 {
    (share / top).clamp(0.04, 1.0)
}

fn legend(top: f64) -> String {
    let mut out = String::from(
        "<ul class=\"legend\">\n<li><svg class=\"swatch\" viewBox=\"0 0 28 10\" aria-hidden=\"true\">\
         <rect x=\"0.5\" y=\"0.5\" width=\"27\" height=\"9\" fill=\"none\" stroke=\"var(--grid)\"/></svg> never</li>\n",
    );
    for quarter in 1..=4 {
        let value = top * f64::from(quarter) / 4.0;
        out += &format!(
            "<li><svg class=\"swatch\" viewBox=\"0 0 28 10\" aria-hidden=\"true\"><rect width=\"28\" height=\"10\" \
             fill=\"var(--series-0)\" fill-opacity=\"{:.2}\"/></svg> {}{}</li>\n",
            opacity(value, top),
            share(value),
            if quarter == 4 { " (the most)" } else { "" }
        );
    }
    out + "</ul>\n"
}

fn svg(map: &Map, examination: &Examination, top: f64) -> String {
    let columns = map.columns();
    let cell = (720 / columns).clamp(12, 40);
    // As wide as the longest name: letters of this size are up to 7 pixels wide.
    let longest = (0..map.shares.len()).map(|row| map.name_of(row, examination).chars().count()).max();
    let left = (longest.unwrap_or(0).min(MOST_CHARACTERS + 1) * 7 + 12).max(40);
    let (width, height) = (left + columns * cell + 8, TOP + map.shares.len() * ROW + 20);
    let mut out = format!(
        "<svg class=\"heat\" role=\"img\" aria-label=\"Share of sessions for each action and step; the table below tells the \
         most frequent actions of each step\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <text x=\"{left}\" y=\"12\" fill=\"var(--muted)\">step of the session</text>\n"
    );
    let bottom = TOP + map.shares.len() * ROW;
    for (row, shares) in map.shares.iter().enumerate() {
        let (y, name) = (TOP + row * ROW, map.name_of(row, examination));
        let (shown, left_out) = cut(&name, MOST_CHARACTERS);
        out += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"var(--ink)\"><title>{}</title>{}{}</text>\n",
            left - 6,
            y + 11,
            escape_attribute(&name),
            escape_attribute(shown),
            if left_out > 0 { "\u{2026}" } else { "" }
        );
        for (column, value) in shares.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            out += &format!(
                "<rect x=\"{}\" y=\"{y}\" width=\"{cell}\" height=\"{ROW}\" fill=\"var(--series-0)\" fill-opacity=\"{:.3}\">\
                 <title>{}, {}: {}</title></rect>\n",
                left + column * cell,
                opacity(*value, top),
                escape_attribute(&name),
                map.steps_of(column),
                share(*value)
            );
        }
    }
    // Lines between the cells, in one element, over them.
    let mut lines = String::new();
    for row in 0..=map.shares.len() {
        lines += &format!("M{left} {}H{}", TOP + row * ROW, left + columns * cell);
    }
    for column in 0..=columns {
        lines += &format!("M{} {TOP}V{bottom}", left + column * cell);
    }
    out += &format!("<path d=\"{lines}\" stroke=\"var(--grid)\" stroke-width=\"1\" fill=\"none\"/>\n");
    let apart = (40_usize.div_ceil(cell)).max(1);
    for column in (0..columns).step_by(apart) {
        out += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"var(--muted)\">{}</text>\n",
            left + column * cell + cell / 2,
            bottom + 14,
            column * map.steps_each + 1
        );
    }
    out + "</svg>\n"
}

/// The same in words: the most frequent actions of every step, unbinned.
fn table(examination: &Examination) -> String {
    let mut out = String::from(
        "<details>\n<summary>As a table: the three most frequent actions of every step</summary>\n<table>\n<thead><tr>\
         <th scope=\"col\" class=\"num\">Step</th><th scope=\"col\">Most frequent</th><th scope=\"col\">Second</th>\
         <th scope=\"col\">Third</th><th scope=\"col\" class=\"num\">All others</th></tr></thead>\n<tbody>\n",
    );
    for (step, shares) in examination.chosen.iter().enumerate() {
        let mut ranked: Vec<(usize, f64)> = shares.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        out += &format!("<tr><th scope=\"row\" class=\"num\">{}</th>", step + 1);
        for place in 0..3 {
            out += &match ranked.get(place).filter(|(_, share)| *share > 0.0) {
                Some((action, value)) => {
                    format!(
                        "<td><bdi>{}</bdi> {}</td>",
                        escape(&action_name(examination, *action)),
                        percent(*value)
                    )
                }
                None => "<td></td>".into(),
            };
        }
        let others: f64 = ranked.iter().skip(3).map(|(_, share)| share.max(0.0)).sum();
        out += &format!("<td class=\"num\">{}</td></tr>\n", share(others));
    }
    out + "</tbody>\n</table>\n</details>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examination(actions: usize, steps: usize) -> Examination {
        let row =
            |step: usize| (0..actions).map(|action| f64::from(u8::from(action == step % actions))).collect();
        Examination {
            measure: String::new(),
            learners: 1,
            actions: (0..actions).map(|action| format!("skill {action}")).collect(),
            tutors: Vec::new(),
            chosen: (0..steps).map(row).collect(),
            sessions: Vec::new(),
        }
    }

    #[test]
    fn small_maps_are_drawn_as_they_are() {
        let map = Map::of(&examination(40, 60));
        assert_eq!((map.actions_each, map.steps_each), (1, 1));
        assert_eq!(map.shares[3][3], 1.0);
    }

    #[test]
    fn bins_add_actions_up_and_average_steps_so_that_every_column_still_sums_to_one() {
        let examination = examination(101, 130);
        let map = Map::of(&examination);
        assert_eq!((map.actions_each, map.steps_each, map.shares.len(), map.columns()), (3, 3, 34, 44));
        for column in 0..map.columns() {
            let sum: f64 = map.shares.iter().map(|row| row[column]).sum();
            assert!((sum - 1.0).abs() < 1e-12);
        }
        assert_eq!(map.steps_of(43), "step 130");
        assert_eq!(map.steps_of(0), "steps 1 to 3");
        assert_eq!(map.name_of(33, &examination), "skill 99 \u{2013} skill 100");
    }
}
