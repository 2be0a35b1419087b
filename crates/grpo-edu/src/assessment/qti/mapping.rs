//! What answers are worth: mappings of values and areas, and tables of outcomes.

use std::collections::{HashMap, HashSet};

use super::error::Reading;
use super::shape::Shape;
use super::value::{BaseType, Key, Single, Value};
use super::xml::Element;

/// The bounds of a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) lower: Option<f64>,
    pub(super) upper: Option<f64>,
}

impl Bounds {
    fn read(element: &Element) -> Reading<Self> {
        let (lower, upper) = (element.number("lowerBound")?, element.number("upperBound")?);
        if lower.zip(upper).is_some_and(|(lower, upper)| lower > upper) {
            return Err(element.fault("`lowerBound` is above `upperBound`"));
        }
        Ok(Self { lower, upper })
    }

    pub(super) fn apply(self, sum: f64) -> f64 {
        let sum = self.upper.map_or(sum, |upper| sum.min(upper));
        self.lower.map_or(sum, |lower| sum.max(lower))
    }
}

/// What each value is worth (`mapping`).
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) bounds: Bounds,
    pub(super) default: f64,
    /// In the order of the item.
    pub(super) entries: Vec<(Single, f64)>,
    exact: HashMap<Key, f64>,
    /// Texts whose case doesn't matter, in lower case.
    folded: HashMap<String, f64>,
}

impl Mapping {
    pub(super) fn read(element: &Element, base: BaseType) -> Reading<Self> {
        let bounds = Bounds::read(element)?;
        let default = element.number("defaultValue")?.unwrap_or(0.0);
        let mut mapping =
            Self { bounds, default, entries: Vec::new(), exact: HashMap::new(), folded: HashMap::new() };
        for entry in element.elements() {
            mapping.read_entry(entry, base)?;
        }
        if mapping.entries.is_empty() {
            return Err(element.fault("it has no <mapEntry>"));
        }
        Ok(mapping)
    }

    fn read_entry(&mut self, entry: &Element, base: BaseType) -> Reading<()> {
        if entry.name != "mapEntry" {
            return Err(entry.fault("only <mapEntry> belongs here"));
        }
        let key = entry.required("mapKey")?;
        let key =
            Single::parse(key.trim(), base).map_err(|problem| entry.fault(format!("`mapKey`: {problem}")))?;
        entry.required("mappedValue")?;
        let value = entry.number("mappedValue")?.unwrap_or(0.0);
        // The first entry that fits counts.
        let folds =
            matches!(base, BaseType::String | BaseType::Uri) && !entry.flag("caseSensitive", false)?;
        if let (true, Some(text)) = (folds, key.text()) {
            self.folded.entry(text.to_lowercase()).or_insert(value);
        } else {
            self.exact.entry(key.key()).or_insert(value);
        }
        self.entries.push((key, value));
        Ok(())
    }

    /// What one value is worth, without bounds.
    pub(super) fn worth(&self, value: &Single) -> f64 {
        let exact = self.exact.get(&value.key());
        let folded = || match value {
            Single::String(text) | Single::Uri(text) if !self.folded.is_empty() => {
                self.folded.get(&text.to_lowercase())
            }
            _ => None,
        };
        exact.or_else(folded).copied().unwrap_or(self.default)
    }

    /// `mapResponse`: the sum over different values; NULL is worth 0.
    pub(super) fn map(&self, value: Option<&Value>) -> f64 {
        let Some(value) = value else { return 0.0 };
        let mut seen = HashSet::new();
        let fresh = value.values().iter().filter(|single| seen.insert(single.key()));
        self.bounds.apply(fresh.map(|single| self.worth(single)).sum())
    }
}

/// The most areas and corners of polygons in one area mapping: the best point is found by trying each of them on all.
const MAX_CORNERS: usize = 2000;

/// What each area is worth (`areaMapping`).
#[derive(Debug)]
pub(super) struct AreaMapping {
    pub(super) bounds: Bounds,
    pub(super) default: f64,
    pub(super) areas: Vec<(Shape, f64)>,
}

impl AreaMapping {
    pub(super) fn read(element: &Element) -> Reading<Self> {
        let read_area = |entry: &Element| {
            if entry.name != "areaMapEntry" {
                return Err(entry.fault("only <areaMapEntry> belongs here"));
            }
            entry.required("mappedValue")?;
            Ok((Shape::read(entry)?, entry.number("mappedValue")?.unwrap_or(0.0)))
        };
        let areas = element.elements().map(read_area).collect::<Reading<Vec<_>>>()?;
        if areas.is_empty() {
            return Err(element.fault("it has no <areaMapEntry>"));
        }
        let corners: usize = areas.iter().map(|(shape, _)| shape.corners()).sum();
        if corners > MAX_CORNERS {
            let problem = format!(
                "it has {corners} areas and corners, but at most {MAX_CORNERS} are read: simplify it"
            );
            return Err(element.fault(problem));
        }
        let default = element.number("defaultValue")?.unwrap_or(0.0);
        Ok(Self { bounds: Bounds::read(element)?, default, areas })
    }

    /// The first area that a point lies in.
    fn area(&self, point: [f64; 2]) -> Option<usize> {
        self.areas.iter().position(|(shape, _)| shape.contains(point))
    }

    /// `mapResponsePoint`: each area counts once, each point outside of all is worth the default; NULL is worth 0.
    pub(super) fn map(&self, value: Option<&Value>) -> f64 {
        let Some(value) = value else { return 0.0 };
        let mut seen = HashSet::new();
        let mut sum = 0.0;
        for single in value.values() {
            let Single::Point(x, y) = *single else { continue };
            match self.area([x, y]) {
                Some(area) if !seen.insert(area) => {}
                Some(area) => sum += self.areas[area].1,
                None => sum += self.default,
            }
        }
        self.bounds.apply(sum)
    }

    /// A point that is worth the most, and what it is worth.
    pub(super) fn best(&self) -> Option<([f64; 2], f64)> {
        let worth =
            |point: [f64; 2]| (point, self.map(Some(&Value::Single(Single::Point(point[0], point[1])))));
        let points = self.areas.iter().flat_map(|(shape, _)| shape.candidates());
        points.map(worth).max_by(|(_, a), (_, b)| a.total_cmp(b))
    }
}

/// A table that an outcome is looked up in (`matchTable`, `interpolationTable`).
#[derive(Debug)]
pub(super) struct Table {
    default: Option<Single>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    source: f64,
    test: Test,
    target: Single,
}

#[derive(Debug, Clone, Copy)]
enum Test {
    Equal,
    AtLeast,
    Above,
}

impl Table {
    /// Reads either kind; `base` is the base type of the outcome.
    pub(super) fn read(element: &Element, base: BaseType) -> Reading<Self> {
        let parse = |at: &Element, text: &str| Single::parse(text, base).map_err(|problem| at.fault(problem));
        let read_row = |row: &Element| {
            let source = row.required("sourceValue").and_then(|_| row.number("sourceValue"))?.unwrap_or(0.0);
            let test = match row.name.as_str() {
                "matchTableEntry" => Test::Equal,
                "interpolationTableEntry" if row.flag("includeBoundary", true)? => Test::AtLeast,
                "interpolationTableEntry" => Test::Above,
                _ => return Err(row.fault("only entries of the table belong here")),
            };
            Ok(Row { source, test, target: parse(row, row.required("targetValue")?)? })
        };
        let rows = element.elements().map(read_row).collect::<Reading<Vec<_>>>()?;
        let default = element.attribute("defaultValue").map(|text| parse(element, text)).transpose()?;
        Ok(Self { default, rows })
    }

    /// How many rows may have to be looked at.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The target of the first row that fits; NULL for NULL.
    pub(super) fn look_up(&self, source: Option<f64>) -> Option<Single> {
        let source = source?;
        let fits = |row: &&Row| match row.test {
            Test::Equal => row.source == source,
            Test::AtLeast => source >= row.source,
            Test::Above => source > row.source,
        };
        self.rows.iter().find(fits).map(|row| &row.target).or(self.default.as_ref()).cloned()
    }
}
