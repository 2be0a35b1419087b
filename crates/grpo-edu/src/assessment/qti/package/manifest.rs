//! What a manifest lists (IMS Content Packaging).

use crate::assessment::qti::error::QtiError;
use crate::assessment::qti::xml::{self, Element};

use super::files::inner_path;

/// A resource of a package.
#[derive(Debug)]
pub(super) enum Resource {
    /// The file of an item.
    Item(String),
    /// Something of QTI that isn't an item.
    Other { name: String, reason: String },
}

/// Types of items are `imsqti_item_xmlv2p1`, `imsqti_item_xmlv2p2` and `imsqti_item_xmlv3p0`; minor versions follow.
const ITEMS: [&str; 3] = ["imsqti_item_xmlv2p1", "imsqti_item_xmlv2p2", "imsqti_item_xmlv3p0"];

/// Reads a manifest. Resources that aren't QTI (pictures, style sheets) aren't listed.
pub(super) fn read(manifest: &[u8], name: &str, package: &str) -> Result<Vec<Resource>, QtiError> {
    let (root, _) = xml::parse(manifest, name)?;
    if root.name != "manifest" {
        return Err(root.fault("a manifest begins with <manifest>").in_file(name));
    }
    let root_base = base(&root);
    let mut resources = Vec::new();
    for list in root.elements().filter(|part| part.name == "resources") {
        let list_base = format!("{root_base}{}", base(list));
        for resource in list.elements().filter(|part| part.name == "resource") {
            let kind = resource.attribute("type").unwrap_or_default().trim();
            if !kind.starts_with("imsqti_") {
                continue;
            }
            let Some(href) = resource.attribute("href") else {
                return Err(resource
                    .fault("it needs the attribute `href`: the file of the item")
                    .in_file(name));
            };
            let path = format!("{list_base}{}{href}", base(resource));
            let path = inner_path(&path).map_err(|problem| QtiError::Package {
                package: package.to_owned(),
                entry: path.clone(),
                problem,
            })?;
            resources.push(sort(path, kind));
        }
    }
    Ok(resources)
}

fn base(element: &Element) -> &str {
    element.attribute(xml::XML_BASE).unwrap_or_default()
}

fn sort(name: String, kind: &str) -> Resource {
    if ITEMS.iter().any(|item| kind.starts_with(item)) {
        return Resource::Item(name);
    }
    let reason = if kind.starts_with("imsqti_test") || kind.starts_with("imsqti_assessment") {
        "an assessment test: its items are read one by one, its sections and scores aren't"
    } else if kind.starts_with("imsqti_item") {
        "an item of a version that isn't read: 2.1, 2.2 and 3.0 are"
    } else {
        "neither an item nor a test"
    };
    Resource::Other { name, reason: format!("{reason} (type `{kind}`)") }
}
