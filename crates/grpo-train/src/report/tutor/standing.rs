//! The table of all tutors of an examination, best first, with bars.

use super::super::text::{count, counted, decimals, escape, fixed, signed};
use super::role_name;
use crate::tutoring::{Examination, Examined, Interval, Role};

/// The section of the table.
pub(super) fn section(examination: &Examination) -> String {
    let digits = digits(examination);
    let scale = Scale::around(examination.tutors.iter().map(|tutor| tutor.worth));
    let mut tutors: Vec<&Examined> = examination.tutors.iter().collect();
    tutors.sort_by(|a, b| better_first(a.worth, b.worth));
    let mut out = format!(
        "<section>\n<h2>The examination</h2>\n<p>Every tutor taught the same {} that none of them has taught before. A session's \
         worth: {}. Behind \u{b1} stands half the width of the 95\u{a0}% interval of the mean over learners. How far the \
         trained tutor is ahead is taken learner by learner, so that its interval is tighter than the two intervals beside it \
         suggest.</p>\n",
        counted(examination.learners as u64, "learner"),
        escape(&examination.measure),
    );
    out += "<div class=\"scroll card\" role=\"region\" aria-label=\"Table of all tutors\" tabindex=\"0\">\n<table class=\"figures-table\">\n";
    out += &format!("<caption>All {}, best first</caption>\n", counted(tutors.len() as u64, "tutor"));
    out += "<thead><tr><th scope=\"col\" class=\"num\">Place</th><th scope=\"col\">Tutor</th><th scope=\"col\">What it is</th>\
            <th scope=\"col\" class=\"num\">Worth</th><th scope=\"col\" class=\"bar-cell\">Worth as a bar</th>\
            <th scope=\"col\" class=\"num\">Trained tutor is ahead by</th><th scope=\"col\">Trained tutor is</th></tr></thead>\n<tbody>\n";
    for (place, tutor) in tutors.iter().enumerate() {
        let own = tutor.role == Role::Trained;
        out += &format!(
            "<tr{}><td class=\"num\">{}</td><th scope=\"row\"><bdi>{}</bdi></th><td class=\"role\">{}</td><td class=\"num\"><b>{}</b></td>\
             <td class=\"bar-cell\">{}</td><td class=\"num\">{}</td><td>{}</td></tr>\n",
            if own { " class=\"own\"" } else { "" },
            count(place as u64 + 1),
            escape(&tutor.name),
            role_name(tutor.role),
            spread(tutor.worth, digits),
            scale.bar(tutor.worth, own),
            tutor.ahead.map_or_else(String::new, |ahead| difference(ahead, digits)),
            tutor.ahead.map_or("", verdict),
        );
    }
    out + "</tbody>\n</table>\n</div>\n</section>\n"
}

/// Those without a mean last.
pub(super) fn better_first(a: Interval, b: Interval) -> std::cmp::Ordering {
    let key = |worth: Interval| if worth.mean.is_nan() { f64::NEG_INFINITY } else { worth.mean };
    key(b).total_cmp(&key(a))
}

/// Digits after the point for every worth of the page.
pub(super) fn digits(examination: &Examination) -> usize {
    decimals(examination.tutors.iter().map(|tutor| tutor.worth.mean))
}

/// `0.612 ± 0.012`.
pub(super) fn spread(worth: Interval, digits: usize) -> String {
    format!("{}{}", fixed(worth.mean, digits), half_width(worth, digits))
}

/// `+0.112 ± 0.012`.
pub(super) fn difference(ahead: Interval, digits: usize) -> String {
    let mean = if ahead.mean.is_finite() { signed(ahead.mean, digits) } else { fixed(ahead.mean, digits) };
    format!("{mean}{}", half_width(ahead, digits))
}

fn half_width(interval: Interval, digits: usize) -> String {
    if interval.half_width.is_finite() {
        format!("\u{a0}\u{b1}\u{a0}{}", fixed(interval.half_width, digits))
    } else {
        "\u{a0}(no interval)".into()
    }
}

/// What a difference says: nothing where its interval holds zero.
pub(super) fn verdict(ahead: Interval) -> &'static str {
    match (ahead.mean - ahead.half_width > 0.0, ahead.mean + ahead.half_width < 0.0) {
        (true, _) => "<span class=\"verdict up\">\u{25b2} better</span>",
        (_, true) => "<span class=\"verdict down\">\u{25bc} worse</span>",
        _ => "<span class=\"verdict\">\u{25cf} no clear difference</span>",
    }
}

/// The common scale of some bars; zero is always on it.
pub(super) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// A scale that reaches the ends of all intervals.
    pub(super) fn around(values: impl Iterator<Item = Interval>) -> Self {
        let ends = values.flat_map(|it| [it.mean, it.mean - it.half_width, it.mean + it.half_width]);
        let (low, high) = ends
            .filter(|end| end.is_finite())
            .fold((0.0, 0.0), |(low, high): (f64, f64), end| (low.min(end), high.max(end)));
        Self { low, high: if high > low { high } else { low + 1.0 } }
    }

    fn at(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low) * 100.0
    }

    /// A bar from zero to the mean, with the interval as a thin line; the numbers stand beside it.
    pub(super) fn bar(&self, worth: Interval, own: bool) -> String {
        if !worth.mean.is_finite() {
            return String::new();
        }
        let (zero, end) = (self.at(0.0), self.at(worth.mean));
        let whisker = if worth.half_width.is_finite() {
            let (from, to) = (self.at(worth.mean - worth.half_width), self.at(worth.mean + worth.half_width));
            format!(
                "<rect x=\"{from:.2}\" y=\"5\" width=\"{:.2}\" height=\"2\" fill=\"var(--ink)\"/>",
                to - from
            )
        } else {
            String::new()
        };
        format!(
            "<svg class=\"bar whisker\" viewBox=\"0 0 100 12\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect width=\"100\" y=\"1\" height=\"10\" fill=\"var(--grid)\" opacity=\"0.5\"/>\
             <rect x=\"{:.2}\" y=\"1\" width=\"{:.2}\" height=\"10\" fill=\"var(--series-0)\" opacity=\"{}\"/>{whisker}</svg>",
            zero.min(end),
            (end - zero).abs(),
            if own { "1" } else { "0.45" },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_only_where_its_interval_excludes_zero() {
        let of = |mean, half_width| verdict(Interval { mean, half_width });
        assert!(of(0.2, 0.1).contains("better"));
        assert!(of(-0.2, 0.1).contains("worse"));
        for unclear in [of(0.1, 0.2), of(0.1, f64::INFINITY), of(f64::NAN, 0.1), of(0.1, 0.1)] {
            assert!(unclear.contains("no clear"));
        }
    }

    #[test]
    fn bars_share_a_scale_that_holds_zero_and_every_interval() {
        let values = [(-0.2, 0.1), (0.5, 0.1)].map(|(mean, half_width)| Interval { mean, half_width });
        let scale = Scale::around(values.into_iter());
        assert!((scale.low + 0.3).abs() < 1e-12 && (scale.high - 0.6).abs() < 1e-12);
        assert!(scale.bar(values[0], false).contains("x=\"11.11\" y=\"1\" width=\"22.22\""));
    }
}
