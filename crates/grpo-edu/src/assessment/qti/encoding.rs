//! Bytes of an XML file as text.

use std::borrow::Cow;

/// Decodes UTF-8 and UTF-16 (by its byte order mark); the error says what is wrong and what would fix it.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0, ..] | [_, 0, ..] => {
            Err("it looks like UTF-16 or UTF-32 without a byte order mark: save it as UTF-8".into())
        }
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    let declared = declared(bytes).filter(|name| {
        let known = ["utf-8", "utf8", "us-ascii", "ascii"];
        !known.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    });
    // All others that are in use agree with ASCII on what is below 128.
    if let Some(name) = declared.filter(|_| !bytes.is_ascii()) {
        let name = String::from_utf8_lossy(name);
        return Err(format!("it says that its encoding is `{name}`, which isn't read: save it as UTF-8"));
    }
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let at = error.valid_up_to();
        format!("byte {at} isn't UTF-8: save it as UTF-8")
    })
}

/// The encoding that the XML declaration names.
fn declared(bytes: &[u8]) -> Option<&[u8]> {
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..declaration.iter().position(|&byte| byte == b'>')?];
    let key = b"encoding";
    let at = declaration.windows(key.len()).position(|window| window == key)?;
    let mut parts = declaration[at + key.len()..].split(|&byte| byte == b'"' || byte == b'\'');
    parts.nth(1)
}

fn utf16(bytes: &[u8], join: fn([u8; 2]) -> u16) -> Result<Cow<'static, str>, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("it begins like UTF-16 but has an odd number of bytes: save it as UTF-8".into());
    }
    char::decode_utf16(pairs.iter().map(|&pair| join(pair)))
        .collect::<Result<String, _>>()
        .map(Cow::Owned)
        .map_err(|_| "it begins like UTF-16 but has halves of characters in it: save it as UTF-8".into())
}
