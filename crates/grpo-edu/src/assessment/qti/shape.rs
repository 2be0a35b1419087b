//! Areas of a picture (HTML's image maps).

use super::error::Reading;
use super::xml::Element;

/// An area.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Everything.
    Default,
    Circle {
        center: [f64; 2],
        radius: f64,
    },
    Ellipse {
        center: [f64; 2],
        radii: [f64; 2],
    },
    Rectangle {
        from: [f64; 2],
        to: [f64; 2],
    },
    Polygon(Vec<[f64; 2]>),
}

impl Shape {
    /// Reads `shape` and `coords`.
    pub(super) fn read(element: &Element) -> Reading<Self> {
        let shape = element.required("shape")?.trim();
        if shape == "default" {
            return Ok(Self::Default);
        }
        let text = element.required("coords")?;
        let coordinates: Option<Vec<f64>> = text
            .split([',', ' ', '\t', '\n', '\r'])
            .filter(|part| !part.is_empty())
            .map(|part| part.parse::<f64>().ok().filter(|number| number.is_finite()))
            .collect();
        let Some(coordinates) = coordinates else {
            let problem =
                format!("`coords` is `{text}`, but it must be numbers with commas between (no percentages)");
            return Err(element.fault(problem));
        };
        let wrong = |need: &str| {
            Err(element.fault(format!("`coords` of a {shape} must be {need}, but they are `{text}`")))
        };
        match (shape, coordinates.as_slice()) {
            ("circle", &[x, y, radius]) if radius >= 0.0 => Ok(Self::Circle { center: [x, y], radius }),
            ("circle", _) => wrong("`x,y,radius`"),
            ("ellipse", &[x, y, h, v]) if h > 0.0 && v > 0.0 => {
                Ok(Self::Ellipse { center: [x, y], radii: [h, v] })
            }
            ("ellipse", _) => wrong("`x,y,radius,radius` with radii above 0"),
            ("rect", &[left, top, right, bottom]) if left <= right && top <= bottom => {
                Ok(Self::Rectangle { from: [left, top], to: [right, bottom] })
            }
            ("rect", _) => wrong("`left,top,right,bottom`"),
            ("poly", corners) if corners.len() >= 6 && corners.len().is_multiple_of(2) => {
                Ok(Self::Polygon(corners.chunks_exact(2).map(|corner| [corner[0], corner[1]]).collect()))
            }
            ("poly", _) => wrong("`x1,y1,x2,y2,x3,y3,...` with at least three corners"),
            _ => {
                let known = "circle, ellipse, rect, poly or default";
                Err(element.fault(format!("`shape` is `{shape}`, but it must be {known}")))
            }
        }
    }

    /// Whether a point lies in the area, borders included.
    pub(super) fn contains(&self, [x, y]: [f64; 2]) -> bool {
        match self {
            Self::Default => true,
            Self::Circle { center, radius } => (x - center[0]).hypot(y - center[1]) <= *radius,
            Self::Ellipse { center, radii } => {
                ((x - center[0]) / radii[0]).hypot((y - center[1]) / radii[1]) <= 1.0
            }
            Self::Rectangle { from, to } => (from[0]..=to[0]).contains(&x) && (from[1]..=to[1]).contains(&y),
            Self::Polygon(corners) => in_polygon(corners, [x, y]),
        }
    }

    /// How many corners a polygon has; 1 for all others.
    pub(super) fn corners(&self) -> usize {
        match self {
            Self::Default | Self::Circle { .. } | Self::Ellipse { .. } | Self::Rectangle { .. } => 1,
            Self::Polygon(corners) => corners.len(),
        }
    }

    /// Points worth trying for one that lies inside.
    pub(super) fn candidates(&self) -> Vec<[f64; 2]> {
        match self {
            Self::Default => vec![[0.0, 0.0]],
            Self::Circle { center, .. } | Self::Ellipse { center, .. } => vec![*center],
            Self::Rectangle { from, to } => vec![middle(*from, *to), *from, *to],
            Self::Polygon(corners) => {
                let ears = corners.windows(3).map(|corner| middle(corner[1], middle(corner[0], corner[2])));
                ears.chain(corners.iter().copied()).collect()
            }
        }
    }
}

fn middle(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])]
}

/// By the number of borders that a line to the right crosses (even-odd rule), and what lies on a border is inside.
fn in_polygon(corners: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let next = corners.iter().cycle().skip(1);
    let mut inside = false;
    for (a, b) in corners.iter().zip(next) {
        let across = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
        let within = |axis: usize, at: f64| a[axis].min(b[axis]) <= at && at <= a[axis].max(b[axis]);
        if across == 0.0 && within(0, x) && within(1, y) {
            return true;
        }
        let crosses = (a[1] > y) != (b[1] > y);
        if crosses && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
    }
    inside
}
