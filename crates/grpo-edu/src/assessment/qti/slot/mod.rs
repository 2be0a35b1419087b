//! The places of an item where something is answered, and how answers become values of its variables.

mod read;
mod value;

use std::collections::HashMap;

use super::xml::Element;
use crate::assessment::Interaction;

/// An interaction and the variable it sets.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) interaction: Interaction,
    /// The response variable, by its place among the declarations.
    pub(super) response: usize,
    /// What has to be said besides the options: the ends of a scale.
    pub(super) note: Option<String>,
    limits: Limits,
}

impl Slot {
    /// How many things there are to choose from.
    pub(super) fn choices(&self) -> usize {
        match &self.interaction {
            Interaction::Choice { choices, .. }
            | Interaction::Order { choices }
            | Interaction::InlineChoice { choices } => choices.len(),
            Interaction::Match { sources: some, targets: others }
            | Interaction::GapMatch { fillings: some, gaps: others } => some.len() + others.len(),
            Interaction::Text
            | Interaction::Number
            | Interaction::Point
            | Interaction::Essay
            | Interaction::Truth => 0,
        }
    }
}

/// What an answer may hold. What is beyond it isn't an answer: otherwise choosing everything would earn all that a mapping gives.
#[derive(Debug, Default)]
struct Limits {
    /// The most choices or pairs; `None` for any number.
    most: Option<usize>,
    /// How often each may be used in pairs; what isn't in here may be used at will.
    uses: HashMap<String, usize>,
    /// The ends of a scale.
    scale: Option<(f64, f64)>,
}

/// The interactions of all versions that aren't read, with the reason.
fn reason_against(name: &str) -> Option<&'static str> {
    const PICTURE: &str = "it asks for places in a picture that text can't name";
    Some(match name {
        "hotspotInteraction"
        | "graphicOrderInteraction"
        | "graphicAssociateInteraction"
        | "graphicGapMatchInteraction"
        | "positionObjectInteraction"
        | "positionObjectStage" => PICTURE,
        "mediaInteraction" => "it plays a recording",
        "drawingInteraction" => "it asks for a drawing",
        "uploadInteraction" => "it asks for a file",
        "customInteraction" | "portableCustomInteraction" => "what it asks for is known to one system only",
        "endAttemptInteraction" => "an item is answered once here",
        _ => return None,
    })
}

/// Whether an element asks for an answer, in a way that is read here or not.
pub(super) fn is_interaction(element: &Element) -> bool {
    is_read(&element.name) || reason_against(&element.name).is_some()
}

fn is_read(name: &str) -> bool {
    matches!(
        name,
        "choiceInteraction"
            | "orderInteraction"
            | "matchInteraction"
            | "associateInteraction"
            | "inlineChoiceInteraction"
            | "gapMatchInteraction"
            | "hottextInteraction"
            | "textEntryInteraction"
            | "extendedTextInteraction"
            | "sliderInteraction"
            | "selectPointInteraction"
    )
}
