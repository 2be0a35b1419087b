//! What holds for every page.

/// Checks that every tag is closed in its order, every attribute is quoted, every `&` starts a known entity, no
/// control character is left, and nothing refers to anything outside the page.
pub(crate) fn check(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    assert!(!rest.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "a control character");
    while let Some(start) = rest.find('<') {
        check_text(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag that ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "a tag closed out of order");
            continue;
        }
        let (body, is_closed) = tag.strip_suffix('/').map_or((tag, false), |body| (body, true));
        let name = body.split_whitespace().next().expect("a tag with a name");
        assert!(
            !["script", "link", "iframe", "object", "base", "img", "a", "form"].contains(&name),
            "<{name}>"
        );
        check_attributes(&body[name.len()..]);
        if name == "style" {
            let css = &rest[..rest.find("</style>").expect("a style sheet that ends")];
            assert!(!css.contains("url(") && !css.contains("@import"));
            rest = &rest[css.len()..];
        }
        if !is_closed {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "tags left open: {open:?}");
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(page.contains("default-src 'none'"));
}

fn check_attributes(mut attributes: &str) {
    while let Some((name, value)) = attributes.split_once("=\"") {
        let name = name.trim();
        let (value, rest) = value.split_once('"').expect("a quoted attribute");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "attribute {name:?}");
        assert!(
            !["src", "href", "srcset", "action", "style"].contains(&name) && !name.starts_with("on"),
            "{name}"
        );
        assert!(!value.contains("url("), "{value}");
        assert!(!value.contains("NaN") && !value.contains("inf"), "{name}={value}");
        check_text(value);
        attributes = rest;
    }
    assert_eq!(attributes.trim(), "", "an attribute without quotes");
}

fn check_text(text: &str) {
    for entity in text.split('&').skip(1) {
        let known = ["lt;", "gt;", "amp;", "quot;", "#39;", "apos;"];
        assert!(known.iter().any(|name| entity.starts_with(name)), "&{entity}");
    }
}

/// Checks that every text is on the page.
pub(crate) fn assert_shows(page: &str, texts: &[&str]) {
    // The page joins numbers and units by no-break spaces.
    let page = page.replace('\u{a0}', " ");
    for text in texts {
        assert!(page.contains(text), "the page doesn't show {text:?}");
    }
}
