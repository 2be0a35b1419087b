//! Pictures, by what is said about them.

use crate::assessment::qti::xml::Element;

/// `[picture: a red square]`; nothing for a picture that is said to be decoration (`alt=""`).
pub(super) fn describe(element: &Element) -> String {
    let stated = ["alt", "aria-label", "title"].into_iter().find_map(|name| element.attribute(name));
    let fallback = || match element.name.as_str() {
        "img" => None,
        "svg" => element.child("title").or_else(|| element.child("desc")).map(Element::text),
        "picture" => element.child("img").and_then(|img| img.attribute("alt").map(str::to_owned)),
        _ => Some(element.text()).filter(|text| !text.is_empty()),
    };
    match stated.map(str::to_owned).or_else(fallback) {
        Some(text) if text.trim().is_empty() => String::new(),
        Some(text) => format!("[picture: {}]", text.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => "[picture]".into(),
    }
}

/// The picture that points are selected in.
pub(super) fn stage(interaction: &Element) -> Option<&Element> {
    interaction.elements().find(|part| matches!(part.name.as_str(), "object" | "img" | "picture"))
}

/// The picture with its size, in which points are given.
pub(super) fn describe_stage(stage: &Element) -> String {
    let picture = describe(stage);
    let size = stage.attribute("width").zip(stage.attribute("height"));
    let size = size.map(|(width, height)| {
        format!("{} by {} pixels, from the top left corner", width.trim(), height.trim())
    });
    match (picture.strip_suffix(']'), size) {
        (Some(picture), Some(size)) => format!("{}; {size}]", picture.trim_end_matches('.')),
        (None, Some(size)) => format!("[picture; {size}]"),
        (_, None) => picture,
    }
}
