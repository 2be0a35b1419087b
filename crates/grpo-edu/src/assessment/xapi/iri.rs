//! Identifiers of activities: an IRI under a base, and what it stands for.

use iri_string::percent_encode::PercentEncodedForUri;
use iri_string::types::IriStr;

/// Whether a text is an IRI with a scheme (RFC 3987).
pub(super) fn is_iri(text: &str) -> bool {
    IriStr::new(text).is_ok()
}

/// `name` as one segment of an IRI: everything but letters, digits, `-`, `.`, `_` and `~` is percent-encoded.
pub(super) fn segment(name: &str) -> String {
    // A segment that is `.` or `..` would vanish where an address is normalised.
    match name {
        "." => "%2E".into(),
        ".." => "%2E%2E".into(),
        name => PercentEncodedForUri::unreserve(name).to_string(),
    }
}

/// What [`segment`] and [`component`] encoded; `None` where that isn't UTF-8 or a `%` doesn't begin two digits.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = if first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            let digits =
                std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            after
        } else {
            bytes.push(first);
            after
        };
    }
    String::from_utf8(bytes).ok()
}

/// An identifier of a choice as it may stand in a response: without blanks, and without the brackets of `[,]`, `[.]` and `[:]`.
pub(super) fn component(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for letter in id.chars() {
        if letter.is_whitespace() || letter.is_control() || matches!(letter, '%' | '[' | ']') {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("%{byte:02X}"));
            }
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_there_and_back() {
        for name in ["q1", "a b/ü?#", "100 %", "[,]", ".", "..", "", "\u{0}\u{202e}", "𝛼-β"] {
            let text = segment(name);
            assert!(is_iri(&format!("https://example.org/{text}")), "{text}");
            assert_eq!(decode(&text).as_deref(), Some(name));
            let text = component(name);
            assert!(!text.contains([' ', '[', ']']), "{text}");
            assert_eq!(decode(&text).as_deref(), Some(name));
        }
        assert_eq!(segment("a b"), "a%20b");
        for bad in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_iri_has_a_scheme_and_no_blanks() {
        for good in ["https://example.org/ü", "urn:x:1", "tag:a,2020:b", "http://[::1]/"] {
            assert!(is_iri(good), "{good}");
        }
        for bad in
            ["", "example.org", "/a", "http://a b", "http://a/<b>", "1a:b", "http://a/%zz", "http://a#b#c"]
        {
            assert!(!is_iri(bad), "{bad}");
        }
    }
}
