//! What sessions of training were worth by a recipe's own measures.

use super::super::axis::Ticks;
use super::super::curves::Stage;
use super::super::figure::Figure;
use super::training::STEP;

/// Curves of one chart that can still be told apart.
const MOST_PRICES: usize = 6;

const OWN_WORTH: &str = "environment/reward";
const MISSING: &str = "worth/missing";

/// Whether these figures draw the metric.
pub(super) fn is_drawn(key: &str) -> bool {
    matches!(key, OWN_WORTH | MISSING) || measure(key).is_some() || price(key).is_some()
}

/// The measure's name in `measures/<name>/mean`.
fn measure(key: &str) -> Option<&str> {
    key.strip_prefix("measures/")?.strip_suffix("/mean")
}

/// The column's name in `lagrange/<column>`.
fn price(key: &str) -> Option<&str> {
    key.strip_prefix("lagrange/")
}

/// The figures, where the run has any of them.
pub(super) fn figures(stage: &Stage) -> Vec<Figure> {
    let mut figures: Vec<Figure> =
        stage.keys().filter_map(|key| Some(mean(stage, key, measure(key)?))).collect();
    let prices: Vec<&str> = stage.keys().filter(|key| price(key).is_some()).collect();
    figures.extend(prices.chunks(MOST_PRICES).map(|keys| multipliers(stage, keys)));
    figures.extend(own_worth(stage));
    figures
}

/// A figure for each: seconds and shares don't fit on one axis.
fn mean(stage: &Stage, key: &str, name: &str) -> Figure {
    let caption = "The mean over the sessions of a step to which it applies. What it should do is for the recipe's objectives to say: a \
                   gain rises, and a cost ends within its limit.";
    Figure::new(&format!("Measure: {name}"), STEP, caption)
        .panel(name, Ticks::Number, &[])
        .metric(stage, key, name, 0)
}

fn multipliers(stage: &Stage, keys: &[&str]) -> Figure {
    let figure = Figure::new(
        "Prices of limits",
        STEP,
        "The multiplier of each limit: what a unit beyond it costs. Healthy: it rises while the limit is broken and levels off, or falls \
         back to zero, when it is kept. One that rises to the end belongs to a limit that the tutor can't keep.",
    )
    .panel("multiplier", Ticks::Number, &[0.0]);
    keys.iter()
        .enumerate()
        .fold(figure, |figure, (style, key)| figure.metric(stage, key, price(key).unwrap_or(key), style))
}

fn own_worth(stage: &Stage) -> Option<Figure> {
    let figure = Figure::new(
        "What the environment would have paid",
        STEP,
        "The same sessions by the environment's own rewards, which this tutor isn't trained for, and the sessions without a worth by the \
         recipe's measures, which teach nothing. Healthy: the first doesn't fall while the reward rises, the second stays near zero.",
    )
    .panel("environment's worth", Ticks::Number, &[])
    .metric(stage, OWN_WORTH, "environment", 0)
    .panel("sessions without a worth", Ticks::Number, &[0.0])
    .metric(stage, MISSING, "without a worth", 1);
    figure.has_curves().then_some(figure)
}
