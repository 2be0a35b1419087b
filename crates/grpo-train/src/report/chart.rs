//! Drawing: curves in, one `<svg>` element out, whose colours the page's style sheet decides.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{Axis, Ticks};
use super::curves::Points;
use super::text::escape_attribute;

/// Width of a chart in CSS pixels, before the page scales it.
const WIDTH: u32 = 480;
/// plotters places everything on whole units: with four of them to a pixel, curves are smooth.
const SCALE: u32 = 4;
/// plotters multiplies the height of a letter by this.
const FONT: f64 = 1.24;

// Stand-ins that `recolour` turns into the style sheet's variables.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(1, 1, 2);
const BOUNDARY: RGBColor = RGBColor(1, 1, 3);
const SERIES: u8 = 2;

/// The styles of series, in their order: each has its own colour and its own dash, so that the curves can be
/// told apart without colour. The dashes are in CSS pixels.
pub(super) const DASHES: [&[u32]; 6] = [&[], &[7, 2], &[2, 2], &[9, 2, 2, 2], &[14, 3], &[4, 2, 2, 2, 2, 2]];

/// What is drawn of one series.
#[derive(Debug)]
pub(super) enum Layer {
    /// A curve; where a value is missing it has a gap.
    Line { style: usize, points: Points, strong: bool },
    /// A curve with a dot at each point, for values that are far apart.
    Dots { style: usize, points: Vec<(f64, f64)> },
    /// The area between two curves.
    Band { style: usize, opacity: f64, low: Points, high: Points },
}

/// One pair of axes.
#[derive(Debug)]
pub(super) struct Panel {
    /// What the y axis shows, with its unit.
    pub(super) label: String,
    pub(super) ticks: Ticks,
    /// Values that the y axis reaches in any case.
    pub(super) reach: Vec<f64>,
    pub(super) layers: Vec<Layer>,
}

/// One chart: panels above each other that share their x axis.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x_label: String,
    pub(super) panels: Vec<Panel>,
    /// Where the second stage starts.
    pub(super) boundary: Option<f64>,
}

impl Layer {
    /// Every point that the axes have to reach.
    fn values(&self) -> Vec<(f64, f64)> {
        let known = |points: &Points| -> Vec<(f64, f64)> {
            points.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect()
        };
        match self {
            Self::Line { points, .. } => known(points),
            Self::Dots { points, .. } => points.clone(),
            Self::Band { low, high, .. } => [known(low), known(high)].concat(),
        }
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), String>;

/// The chart as an `<svg>` element without links, scripts or colours of its own.
pub(super) fn draw(chart: &Chart) -> Result<String, String> {
    let heights = match chart.panels.len() {
        1 => vec![250],
        more => [vec![165; more.saturating_sub(1)], vec![135]].concat(),
    };
    let height = heights.iter().sum::<u32>();
    let mut svg = String::new();
    {
        let mut rest = SVGBackend::with_string(&mut svg, (WIDTH * SCALE, height * SCALE)).into_drawing_area();
        let values = chart.panels.iter().flat_map(|panel| &panel.layers).flat_map(Layer::values);
        let x = Axis::around(values.map(|(x, _)| x).chain([0.0]).chain(chart.boundary), 6.0, false);
        for (index, (panel, height)) in chart.panels.iter().zip(heights).enumerate() {
            let (area, below) = rest.split_vertically(height * SCALE);
            rest = below;
            let is_last = index + 1 == chart.panels.len();
            draw_panel(&area, panel, &x, is_last.then_some(chart.x_label.as_str()), chart.boundary)?;
        }
        rest.present().map_err(|error| error.to_string())?;
    }
    Ok(recolour(&svg, &chart.title))
}

fn draw_panel(
    area: &Area<'_>,
    panel: &Panel,
    x: &Axis,
    x_label: Option<&str>,
    boundary: Option<f64>,
) -> Drawn {
    let px = |pixels: u32| pixels * SCALE;
    let values = panel.layers.iter().flat_map(Layer::values).map(|(_, y)| y);
    let wanted = if area.dim_in_pixel().1 < px(200) { 2.5 } else { 5.0 };
    let y = Axis::around(values.chain(panel.reach.iter().copied()), wanted, true);
    let font = ("sans-serif", 12.5 * FONT * f64::from(SCALE)).into_font().color(&INK);
    let mut context = ChartBuilder::on(area)
        .margin_top(px(26))
        .margin_right(px(14))
        .margin_left(px(2))
        .x_label_area_size(px(if x_label.is_some() { 44 } else { 22 }))
        .y_label_area_size(px(46))
        .build_cartesian_2d(x.clone(), y.clone())
        .map_err(text)?;
    let (x_format, y_format) =
        (|value: &f64| x.label(*value, Ticks::Number), |value: &f64| y.label(*value, panel.ticks));
    let mut mesh = context.configure_mesh();
    mesh.disable_x_mesh()
        .bold_line_style(GRID.stroke_width(SCALE))
        .axis_style(INK.mix(0.6).stroke_width(SCALE))
        .label_style(font.clone())
        .axis_desc_style(font.clone())
        .set_all_tick_mark_size(px(4))
        .x_label_formatter(&x_format)
        .y_label_formatter(&y_format);
    if let Some(label) = x_label {
        mesh.x_desc(label);
    }
    mesh.draw().map_err(text)?;
    area.draw_text(&panel.label, &font.pos(Pos::new(HPos::Left, VPos::Top)), (px(2) as i32, px(4) as i32))
        .map_err(text)?;

    if let Some(at) = boundary {
        context
            .draw_series([PathElement::new([(at, y.low), (at, y.high)], BOUNDARY.stroke_width(SCALE))])
            .map_err(text)?;
    }
    for layer in &panel.layers {
        match layer {
            Layer::Band { style, opacity, low, high } => {
                let fill = series(*style).mix(*opacity).filled();
                let polygons = bands(low, high).into_iter().map(|outline| Polygon::new(outline, fill));
                context.draw_series(polygons).map_err(text)?;
            }
            Layer::Line { style, points, strong } => {
                let colour = series(*style);
                let width = if *strong { SCALE * 3 } else { SCALE * 7 / 4 };
                let (alone, lines): (Vec<_>, Vec<_>) =
                    segments(points).into_iter().partition(|s| s.len() == 1);
                for line in lines {
                    context.draw_series(LineSeries::new(line, colour.stroke_width(width))).map_err(text)?;
                }
                let dots = alone.into_iter().flatten().map(|at| Circle::new(at, px(5) / 2, colour.filled()));
                context.draw_series(dots).map_err(text)?;
            }
            Layer::Dots { style, points } => {
                let colour = series(*style);
                context
                    .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(SCALE * 7 / 4)))
                    .map_err(text)?;
                // Many dots would thicken the curve into a rope.
                let radius = if points.len() > 60 { px(1) } else { px(7) / 2 };
                let dots = points.iter().map(|at| Circle::new(*at, radius, colour.filled()));
                context.draw_series(dots).map_err(text)?;
            }
        }
    }
    Ok(())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn series(style: usize) -> RGBColor {
    RGBColor(SERIES, 0, (style % DASHES.len()) as u8)
}

/// The runs of known points.
fn segments(points: &Points) -> Vec<Vec<(f64, f64)>> {
    points
        .split(|(_, y)| y.is_none())
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect())
        .collect()
}

/// The outlines of the areas where both curves are known.
fn bands(low: &Points, high: &Points) -> Vec<Vec<(f64, f64)>> {
    let both: Vec<_> = low.iter().zip(high).map(|(l, h)| (l.0, l.1.zip(h.1))).collect();
    both.split(|(_, y)| y.is_none())
        .filter(|run| run.len() > 1)
        .map(|run| {
            let edge = |pick: fn((f64, f64)) -> f64| {
                run.iter().filter_map(move |(x, y)| Some((*x, pick((*y)?)))).collect::<Vec<_>>()
            };
            let mut outline = edge(|(low, _)| low);
            outline.extend(edge(|(_, high)| high).into_iter().rev());
            outline
        })
        .collect()
}

/// Makes plotters' document an element of the page: sized by it, coloured by it, with a name for screen
/// readers, and without what HTML doesn't need.
fn recolour(svg: &str, title: &str) -> String {
    let dash = |style: usize| {
        let lengths: Vec<_> = DASHES[style].iter().map(|length| (length * SCALE).to_string()).collect();
        if lengths.is_empty() {
            String::new()
        } else {
            format!(" stroke-dasharray=\"{}\"", lengths.join(" "))
        }
    };
    let mut out = svg
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" \"/>", "\"/>")
        .replace("\"#010101\"", "\"var(--muted)\"")
        .replace("\"#010102\"", "\"var(--grid)\"")
        .replace("\"#010103\"", &format!("\"var(--muted)\" stroke-dasharray=\"{0} {0}\"", 3 * SCALE));
    for style in 0..DASHES.len() {
        let stand_in = format!("\"#{SERIES:02X}00{style:02X}\"");
        let colour = format!("\"var(--series-{style})\"");
        out = out
            .replace(&format!("stroke={stand_in}"), &format!("stroke={colour}{}", dash(style)))
            .replace(&stand_in, &colour);
    }
    let Some(end) = out.find('>') else { return out };
    let view: String = out[..end].split(' ').skip_while(|part| !part.starts_with("viewBox")).take(4).fold(
        String::new(),
        |mut view, part| {
            view.push(' ');
            view.push_str(part);
            view
        },
    );
    format!(
        "<svg class=\"chart\" role=\"img\" aria-label=\"{}\"{view}{}",
        escape_attribute(title),
        &out[end..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_split_curves_and_bands() {
        let points = vec![(1.0, Some(1.0)), (2.0, None), (3.0, Some(2.0)), (4.0, Some(3.0))];
        assert_eq!(segments(&points), vec![vec![(1.0, 1.0)], vec![(3.0, 2.0), (4.0, 3.0)]]);
        let low = vec![(1.0, Some(0.0)); 4];
        assert_eq!(bands(&low, &points).len(), 1);
    }
}
