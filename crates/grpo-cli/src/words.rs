//! Numbers and commands as a person reads them.

use std::env;

/// A share as `71.2 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A difference of two shares, as `+12.3`.
pub(crate) fn points(difference: f64) -> String {
    format!("{:+.1}", 100.0 * difference)
}

/// Seconds as `3 s`, `2 min 05 s`, `1 h 20 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Bytes as `431 MB`.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000_000_000 => format!("{} MB", (count as f64 / 1e6).round()),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// A count as `1,012,345`.
pub(crate) fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `one` or `many` by a count, with the count: `1 question`, `20 questions`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// A command line of this program that can be pasted into a shell, begun as this one was.
pub(crate) fn command(arguments: &[&str]) -> String {
    let program = match (env::var_os("CARGO"), env::args().next()) {
        (Some(_), _) | (None, None) => "cargo run --release --".to_string(),
        (None, Some(path)) => {
            let by_name = !path.contains(['/', '\\']);
            if by_name || env::current_exe().is_ok_and(|exe| on_path(&exe)) {
                "grpo".into()
            } else {
                quoted(&path)
            }
        }
    };
    arguments.iter().fold(program, |line, argument| format!("{line} {}", quoted(argument)))
}

fn on_path(exe: &std::path::Path) -> bool {
    let Some(folders) = env::var_os("PATH") else { return false };
    exe.parent().is_some_and(|folder| env::split_paths(&folders).any(|f| f == folder))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    if !word.contains(['"', '$', '`', '\\', '!']) {
        return format!("\"{word}\"");
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 7, 999, 1000, 1_012_345].map(thousands), ["0", "7", "999", "1,000", "1,012,345"]);
        assert_eq!([0.4, 61.0, 3725.0].map(duration), ["0 s", "1 min 01 s", "1 h 02 min"]);
        assert_eq!([431_200_000, 12_300_000_000].map(bytes), ["431 MB", "12.3 GB"]);
        assert_eq!((percent(0.9238), points(-0.031)), ("92.4 %".into(), "-3.1".into()));
    }

    #[test]
    fn a_shell_reads_back_what_is_quoted() {
        assert_eq!(quoted("runs/a-1"), "runs/a-1");
        assert_eq!(quoted("How many ?"), "\"How many ?\"");
        assert_eq!(quoted("it's $5"), r"'it'\''s $5'");
    }
}
