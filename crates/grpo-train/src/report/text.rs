//! Text and numbers for the page: escaping what others wrote, and writing numbers as people read them.

/// `text` for the body of the page. Markup is escaped; characters that hide, reorder or break text (controls,
/// bidirectional marks, invisible formatting) are shown as their code point.
pub(super) fn escape(text: &str) -> String {
    escape_with(text, "<span class=\"code-point\">", "</span>")
}

/// `text` for an attribute or the title, where no element may stand.
pub(super) fn escape_attribute(text: &str) -> String {
    escape_with(text, "\u{27e8}", "\u{27e9}")
}

fn escape_with(text: &str, open: &str, close: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            _ if is_hidden(character) => {
                out.push_str(&format!("{open}U+{:04X}{close}", character as u32));
            }
            _ => out.push(character),
        }
    }
    out
}

/// `text` for a terminal: markup stays as it is, characters that hide, reorder or break text are shown as their code point.
pub(super) fn hidden_as_code_points(text: &str) -> String {
    let shown = |character: char| {
        if is_hidden(character) {
            format!("\u{27e8}U+{:04X}\u{27e9}", character as u32)
        } else {
            character.to_string()
        }
    };
    text.chars().map(shown).collect()
}

/// Characters that a reader would not see, or that would move the text around them. The two joiners that
/// ordinary Persian, Hindi and emoji need stay as they are.
fn is_hidden(character: char) -> bool {
    let code = character as u32;
    character.is_control()
        || matches!(code, 0xad | 0x61c | 0x180e | 0x200b | 0x200e | 0x200f | 0xfeff)
        || matches!(code, 0x2028..=0x202e | 0x2060..=0x206f | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
        || code & 0xfffe == 0xfffe
}

/// At most `most` characters of `text`, and how many were left out.
pub(super) fn cut(text: &str, most: usize) -> (&str, usize) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
        None => (text, 0),
    }
}

/// Four significant digits, three below one, with a true minus sign.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let text = if size == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e6).contains(&size) {
        format!("{size:.2e}")
    } else {
        let digits = if size < 1.0 { 2 } else { 3 };
        let decimals = (digits - size.log10().floor() as i32).clamp(0, 5) as usize;
        format!("{size:.decimals$}")
    };
    sign(value, "", &text)
}

/// At most three digits after the point, and none that say nothing.
pub(super) fn short(value: f64) -> String {
    if !(1e-3..1e6).contains(&value.abs()) {
        return number(value);
    }
    let text = format!("{:.3}", value.abs());
    sign(value, "", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A difference: `+0.12`, `−0.12`, `0`.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    if text.chars().all(|c| matches!(c, '0' | '.')) { text } else { sign(value, "+", &text) }
}

fn sign(value: f64, positive: &str, text: &str) -> String {
    format!("{}{text}", if value < 0.0 { "\u{2212}" } else { positive })
}

/// With `decimals` digits after the point; what is no number in words.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "not known".into();
    }
    let text = format!("{:.decimals$}", value.abs());
    if text.chars().all(|c| matches!(c, '0' | '.')) { text } else { sign(value, "", &text) }
}

/// Digits after the point with which every one of `values` is told well: three for those around one.
pub(super) fn decimals(values: impl Iterator<Item = f64>) -> usize {
    match values.filter(|value| value.is_finite()).fold(0.0, |most: f64, value| most.max(value.abs())) {
        0.0 => 3,
        ..0.01 => 5,
        ..0.1 => 4,
        ..10.0 => 3,
        ..100.0 => 2,
        ..1000.0 => 1,
        _ => 0,
    }
}

/// A share of one as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", share * 100.0)
}

/// The same where small shares matter: below 1 % with two more digits.
pub(super) fn share(share: f64) -> String {
    if share == 0.0 || share.abs() >= 0.01 { percent(share) } else { format!("{:.3}\u{a0}%", share * 100.0) }
}

/// A whole number with thousands apart.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 step`, `2 steps`.
pub(super) fn counted(value: u64, noun: &str) -> String {
    format!("{}\u{a0}{noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// Bytes in the unit that leaves at most three digits before the point.
pub(super) fn bytes(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.2}\u{a0}GB", v / 1e9),
        v if v >= 1e6 => format!("{:.0}\u{a0}MB", v / 1e6),
        v => format!("{:.0}\u{a0}kB", v / 1e3),
    }
}

/// A duration: seconds below two minutes, then minutes and hours.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        return format!("{seconds:.1}\u{a0}s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes}\u{a0}min {seconds:02}\u{a0}s"),
        (hours, minutes, _) => format!("{}\u{a0}h {minutes:02}\u{a0}min", count(hours)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_harmless_and_visible() {
        assert_eq!(escape("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
        assert_eq!(escape("\0"), "<span class=\"code-point\">U+0000</span>");
        assert_eq!(escape_attribute("a\u{202e}b"), "a\u{27e8}U+202E\u{27e9}b");
        assert_eq!(escape("سلام\u{200c}ها 👩\u{200d}🚀\n"), "سلام\u{200c}ها 👩\u{200d}🚀\n");
        assert!(escape("\u{ffff}\u{1fffe}\u{fdd0}").contains("U+FFFF"));
    }

    #[test]
    fn numbers_read_well() {
        for (value, expected) in
            [(0.0, "0"), (0.123_456, "0.123"), (-12.3456, "\u{2212}12.35"), (3e-4, "3.00e-4")]
        {
            assert_eq!(number(value), expected);
        }
        assert_eq!([1.0, 0.275, -0.05, 0.0].map(short), ["1", "0.275", "\u{2212}0.05", "0"]);
        assert_eq!((number(1234.6), number(1.5e7)), ("1235".into(), "1.50e7".into()));
        assert_eq!((count(7).as_str(), count(1_234_567).as_str()), ("7", "1,234,567"));
        assert_eq!((signed(0.5, 1), signed(-0.04, 1), signed(-0.5, 1)), {
            ("+0.5".into(), "0.0".into(), "\u{2212}0.5".into())
        });
        assert_eq!((fixed(-0.1234, 3), fixed(-0.0001, 3), fixed(f64::NAN, 3)), {
            ("\u{2212}0.123".into(), "0.000".into(), "not known".into())
        });
        assert_eq!([0.0, 0.004, 0.6, -12.0, 5e4].map(|value| decimals([value].into_iter())), [3, 5, 3, 2, 0]);
        assert_eq!(duration(154.3), "2\u{a0}min 34\u{a0}s");
        assert_eq!(cut("héllo", 2), ("hé", 3));
    }
}
