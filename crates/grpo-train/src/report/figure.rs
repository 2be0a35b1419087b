//! A figure of the page: a chart with its title, its legend and last values, and a caption that says what
//! a healthy curve looks like.

use super::axis::Ticks;
use super::chart::{Chart, DASHES, Layer, Panel, draw};
use super::curves::{Points, Stage};
use super::text::{count, escape, number, share};

/// A chart and the words around it.
#[derive(Debug)]
pub(super) struct Figure {
    chart: Chart,
    legend: Vec<Entry>,
    caption: String,
}

#[derive(Debug)]
struct Entry {
    swatch: Swatch,
    style: usize,
    name: String,
    last: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Swatch {
    Line,
    StrongLine,
    Dots,
    Band,
}

impl Figure {
    pub(super) fn new(title: &str, x_label: &str, caption: &str) -> Self {
        let chart =
            Chart { title: title.into(), x_label: x_label.into(), panels: Vec::new(), boundary: None };
        Self { chart, legend: Vec::new(), caption: caption.into() }
    }

    /// Starts a panel below the ones before; its y axis reaches `reach` in any case.
    pub(super) fn panel(mut self, label: &str, ticks: Ticks, reach: &[f64]) -> Self {
        self.chart.panels.push(Panel { label: label.into(), ticks, reach: reach.into(), layers: Vec::new() });
        self
    }

    /// Marks where the second stage starts.
    pub(super) fn boundary(mut self, at: Option<f64>) -> Self {
        self.chart.boundary = at;
        self
    }

    /// Adds the curve of a metric to the last panel, where it has a value.
    pub(super) fn metric(self, stage: &Stage, key: &str, name: &str, style: usize) -> Self {
        self.metric_after(stage, 0.0, key, name, style)
    }

    /// The same, `offset` steps to the right.
    pub(super) fn metric_after(
        self,
        stage: &Stage,
        offset: f64,
        key: &str,
        name: &str,
        style: usize,
    ) -> Self {
        match stage.points(key, offset) {
            Some(points) => {
                let ticks = self.ticks();
                self.line(points, name, style, last(stage, key, ticks))
            }
            None => self,
        }
    }

    /// Adds a curve to the last panel.
    pub(super) fn line(mut self, points: Points, name: &str, style: usize, last: Option<String>) -> Self {
        self.layer(Layer::Line { style, points, strong: false });
        self.entry(Swatch::Line, style, name, last)
    }

    /// Adds a curve that stands out to the last panel.
    pub(super) fn strong_line(
        mut self,
        points: Points,
        name: &str,
        style: usize,
        last: Option<String>,
    ) -> Self {
        self.layer(Layer::Line { style, points, strong: true });
        self.entry(Swatch::StrongLine, style, name, last)
    }

    /// Adds the area between two curves to the last panel, without an entry of its own in the legend: it belongs to the curve
    /// that is added next.
    pub(super) fn shade(mut self, (low, high): (Points, Points), opacity: f64, style: usize) -> Self {
        self.layer(Layer::Band { style, opacity, low, high });
        self
    }

    /// Adds a curve with dots to the last panel, if it has any.
    pub(super) fn dots(
        mut self,
        points: Vec<(f64, f64)>,
        name: &str,
        style: usize,
        last: Option<String>,
    ) -> Self {
        if points.is_empty() {
            return self;
        }
        self.layer(Layer::Dots { style, points });
        self.entry(Swatch::Dots, style, name, last)
    }

    /// Adds the area between two curves to the last panel.
    pub(super) fn band(
        mut self,
        (low, high): (Points, Points),
        opacity: f64,
        name: &str,
        style: usize,
        last: Option<String>,
    ) -> Self {
        self.layer(Layer::Band { style, opacity, low, high });
        self.entry(Swatch::Band, style, name, last)
    }

    fn entry(mut self, swatch: Swatch, style: usize, name: &str, last: Option<String>) -> Self {
        self.legend.push(Entry { swatch, style, name: name.into(), last });
        self
    }

    fn layer(&mut self, layer: Layer) {
        if let Some(panel) = self.chart.panels.last_mut() {
            panel.layers.push(layer);
        }
    }

    fn ticks(&self) -> Ticks {
        self.chart.panels.last().map_or(Ticks::Number, |panel| panel.ticks)
    }

    pub(super) fn title(&self) -> &str {
        &self.chart.title
    }

    /// Whether any curve was added.
    pub(super) fn has_curves(&self) -> bool {
        self.chart.panels.iter().any(|panel| !panel.layers.is_empty())
    }

    /// The figure as HTML.
    pub(super) fn html(mut self) -> Result<String, String> {
        self.chart.panels.retain(|panel| !panel.layers.is_empty());
        let mut legend: String = self.legend.iter().map(Entry::html).collect();
        if self.chart.boundary.is_some() {
            legend += "<li><svg class=\"swatch mark\" viewBox=\"0 0 6 10\" aria-hidden=\"true\"><line x1=\"3\" y1=\"0\" \
                       x2=\"3\" y2=\"10\" stroke=\"var(--muted)\" stroke-width=\"1.5\" stroke-dasharray=\"3 2\"/></svg> \
                       GRPO starts</li>\n";
        }
        Ok(format!(
            "<figure>\n<h3>{}</h3>\n<ul class=\"legend\">\n{legend}</ul>\n{}<figcaption>{}</figcaption>\n</figure>\n",
            escape(&self.chart.title),
            draw(&self.chart)?,
            escape(&self.caption)
        ))
    }
}

impl Entry {
    fn html(&self) -> String {
        let colour = format!("var(--series-{})", self.style % DASHES.len());
        let dashes: Vec<_> = DASHES[self.style % DASHES.len()].iter().map(u32::to_string).collect();
        let dash = match dashes.as_slice() {
            [] => String::new(),
            _ => format!(" stroke-dasharray=\"{}\"", dashes.join(" ")),
        };
        let width = if matches!(self.swatch, Swatch::StrongLine) { 4.0 } else { 2.5 };
        let line = format!(
            "<line x1=\"0\" y1=\"5\" x2=\"28\" y2=\"5\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash}/>"
        );
        let shape = match self.swatch {
            Swatch::Line | Swatch::StrongLine => line,
            Swatch::Dots => format!("{line}<circle cx=\"14\" cy=\"5\" r=\"4\" fill=\"{colour}\"/>"),
            Swatch::Band => {
                format!("<rect x=\"2\" width=\"24\" height=\"10\" fill=\"{colour}\" opacity=\"0.5\"/>")
            }
        };
        let last = self.last.as_ref().map(|last| format!(" <b>{}</b>", escape(last))).unwrap_or_default();
        format!(
            "<li><svg class=\"swatch\" viewBox=\"0 0 28 10\" aria-hidden=\"true\">{shape}</svg> {}{last}</li>\n",
            escape(&self.name)
        )
    }
}

/// The last value of a metric; where it's not of the stage's last step, with its step.
pub(super) fn last(stage: &Stage, key: &str, ticks: Ticks) -> Option<String> {
    let (step, value) = stage.last(key)?;
    let text = match ticks {
        Ticks::Number => number(value),
        Ticks::Percent => share(value),
    };
    Some(if step == stage.last_step { text } else { format!("{text} (step {})", count(step)) })
}
