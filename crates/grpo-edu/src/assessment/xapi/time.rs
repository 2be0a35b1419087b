//! Moments and durations, as statements write them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in UTC. Written by RFC 3339 with `Z` and with milliseconds at least.
///
/// Nothing here reads a clock: the caller says when something happened.
///
/// ```
/// use grpo_edu::assessment::xapi::Timestamp;
///
/// let at = Timestamp::from_unix(1_795_431_534, 500_000_000)?;
/// assert_eq!(at.to_string(), "2026-11-23T10:58:54.500Z");
/// assert_eq!(Timestamp::parse("2026-11-23T12:58:54.5+02:00"), Some(at));
/// # Ok::<(), grpo_edu::assessment::xapi::XapiError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
}

/// 0000-01-01T00:00:00Z and the second after 9999-12-31T23:59:59Z: what four digits of a year can say.
const YEARS: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;

impl Timestamp {
    /// The moment so many seconds and nanoseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// [`XapiError::Setting`](super::XapiError::Setting) outside the years 0 to 9999, or with a whole second of nanoseconds.
    pub fn from_unix(seconds: i64, nanos: u32) -> Result<Self, super::XapiError> {
        if !YEARS.contains(&seconds) || nanos >= 1_000_000_000 {
            return Err(super::XapiError::Setting {
                key: "timestamp",
                value: format!("{seconds} s and {nanos} ns after 1970"),
                need: "within the years 0 to 9999, with less than a second of nanoseconds",
            });
        }
        Ok(Self { seconds, nanos })
    }

    /// Reads a date and time by ISO 8601 in its extended form; without a zone, UTC. Digits after the ninth of a second are dropped.
    /// `None` also for a moment that is outside of the years 0 to 9999 in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', 't', ' '])?;
        let mut date = date.splitn(3, '-');
        let (year, month, day) =
            (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
        let zone = time.find(['Z', 'z', '+', '-', '\u{2212}']);
        let (clock, zone) = zone.map_or((time, ""), |place| time.split_at(place));
        let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
        let mut clock = clock.split(':').map(|part| number(part, 2));
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next().unwrap_or(Some(0))?);
        let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let days = lengths.get(usize::try_from(month - 1).ok()?)?;
        // 60 is a leap second.
        let valid = (1..=*days).contains(&day) && hour <= 23 && minute <= 59 && second <= 60;
        if !valid || clock.next().is_some() || fraction.is_empty() {
            return None;
        }
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanos = nanos.fold(0, |sum, digit| 10 * sum + u32::from(digit - b'0'));
        let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        let seconds = seconds - offset(zone)?;
        YEARS.contains(&seconds).then_some(Self { seconds, nanos })
    }

    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds since that second.
    pub fn nanos(self) -> u32 {
        self.nanos
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.seconds.div_euclid(86_400), self.seconds.rem_euclid(86_400));
        let (year, month, day) = date(days);
        write!(out, "{year:04}-{month:02}-{day:02}T")?;
        write!(out, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        match self.nanos {
            nanos if nanos % 1_000_000 == 0 => write!(out, ".{:03}Z", nanos / 1_000_000),
            nanos if nanos % 1_000 == 0 => write!(out, ".{:06}Z", nanos / 1_000),
            nanos => write!(out, ".{nanos:09}Z"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let problem = || de::Error::custom(format_args!("{text:?} must be like 2026-01-31T12:00:00Z"));
        Self::parse(&text).ok_or_else(problem)
    }
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Seconds by which a zone is ahead of UTC: `Z`, `+02:00`, `-0530`, `+02`, or nothing.
fn offset(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = zone.chars().next()?;
    let (hours, minutes) = match &zone[sign.len_utf8()..] {
        rest if rest.contains(':') => rest.split_once(':')?,
        rest if rest.is_ascii() && rest.len() == 4 => rest.split_at(2),
        rest => (rest, "00"),
    };
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let seconds = 3600 * hours + 60 * minutes;
    (hours <= 23 && minutes <= 59).then_some(if sign == '+' { seconds } else { -seconds })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days since 1970-01-01 in the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March end with the leap day, which puts it out of the way; 719,468 days lie between
    // 0000-03-01 and 1970-01-01.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Year, month and day of [`days_since_1970`].
fn date(days: i64) -> (i64, i64, i64) {
    // 146,097 days make 400 years; within them the leap days are taken out first.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (400 * era + year, month + 3);
    if month > 12 { (year + 1, month - 12, day) } else { (year, month, day) }
}

/// A duration by ISO 8601, rounded to hundredths of a second: what xAPI compares.
pub(super) fn iso_duration(duration: Duration) -> String {
    let hundredths = (duration.as_nanos() + 5_000_000) / 10_000_000;
    let (seconds, hundredths) = (hundredths / 100, hundredths % 100);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = "PT".to_string();
    if hours > 0 {
        text.push_str(&format!("{hours}H"));
    }
    if minutes > 0 {
        text.push_str(&format!("{minutes}M"));
    }
    match hundredths {
        0 if seconds == 0 && text.len() > 2 => {}
        0 => text.push_str(&format!("{seconds}S")),
        _ => text.push_str(&format!("{seconds}.{hundredths:02}S")),
    }
    text
}

/// The parts of an ISO 8601 duration: months (years included) and seconds (weeks and days included).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct IsoDuration {
    pub(super) months: f64,
    pub(super) seconds: f64,
}

/// Reads an ISO 8601 duration: `P3Y6M4DT12H30M5.5S` or `P2W`. Only its last part may have a fraction.
pub(super) fn parse_duration(text: &str) -> Option<IsoDuration> {
    let rest = text.strip_prefix('P')?;
    let (date, clock) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((date, clock)) => (date, clock),
        None if rest.is_empty() => return None,
        None => (rest, ""),
    };
    let mut length = IsoDuration { months: 0.0, seconds: 0.0 };
    let fraction = if date.ends_with('W') {
        parts(date, &[('W', 0.0, 604_800.0)], &mut length)?
    } else {
        parts(date, &[('Y', 12.0, 0.0), ('M', 1.0, 0.0), ('D', 0.0, 86_400.0)], &mut length)?
    };
    if !clock.is_empty() {
        if fraction || date.ends_with('W') {
            return None;
        }
        parts(clock, &[('H', 0.0, 3600.0), ('M', 0.0, 60.0), ('S', 0.0, 1.0)], &mut length)?;
    }
    Some(length)
}

/// Adds numbers with units, each unit at most once and in order; whether the last one has a fraction.
fn parts(text: &str, units: &[(char, f64, f64)], length: &mut IsoDuration) -> Option<bool> {
    let (mut rest, mut fraction) = (text, false);
    for &(unit, months, seconds) in units {
        let digits =
            rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | ','));
        let Some(after) = digits.strip_prefix(unit) else { continue };
        let number = &rest[..rest.len() - digits.len()];
        let (whole, part) = number.split_once(['.', ',']).unwrap_or((number, "0"));
        if fraction || whole.is_empty() || part.is_empty() || part.contains(['.', ',']) {
            return None;
        }
        fraction = number.contains(['.', ',']);
        let value: f64 = format!("{whole}.{part}").parse().ok().filter(|value: &f64| value.is_finite())?;
        length.months += months * value;
        length.seconds += seconds * value;
        rest = after;
    }
    rest.is_empty().then_some(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Option<(i64, u32)> {
        Timestamp::parse(text).map(|at| (at.seconds, at.nanos))
    }

    #[test]
    fn moments_are_exact_across_zones_and_leap_years() {
        assert_eq!(moment("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(moment("2000-02-29T12:30:15.25Z"), Some((951_827_415, 250_000_000)));
        assert_eq!(moment("2026-11-23T10:58:54+02:00"), moment("2026-11-23T08:58:54Z"));
        assert_eq!(moment("2026-01-01T00:10:00-0530"), moment("2026-01-01T05:40:00"));
        assert_eq!(moment("2026-01-01T00:10Z"), moment("2026-01-01T00:10:00Z"));
        // `date -u -d 2026-11-23T10:58:54Z +%s`
        assert_eq!(moment("2026-11-23T10:58:54Z"), Some((1_795_431_534, 0)));
        assert_eq!(moment("1969-12-31T23:59:59Z"), Some((-1, 0)));
        for bad in [
            "",
            "yesterday",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:61:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.xZ",
            "2026-01-01T00:00:00+2",
            "2026-1-1T00:00:00Z",
            "26-01-01T00:00:00Z",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:60Z",
        ] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_day_of_four_hundred_years_is_written_as_it_is_read() {
        for day in 0..146_097 {
            let at = Timestamp::from_unix(day * 86_400 + day % 86_400, 0).unwrap();
            assert_eq!(Timestamp::parse(&at.to_string()), Some(at), "{at}");
        }
        for (seconds, nanos) in [(YEARS.start, 0), (YEARS.end - 1, 999_999_999), (-1, 1_000), (0, 1_000_000)]
        {
            let at = Timestamp::from_unix(seconds, nanos).unwrap();
            assert_eq!(Timestamp::parse(&at.to_string()), Some(at), "{at}");
        }
        assert_eq!(Timestamp::from_unix(YEARS.end - 1, 0).unwrap().to_string(), "9999-12-31T23:59:59.000Z");
        assert!(
            Timestamp::from_unix(YEARS.end, 0).is_err() && Timestamp::from_unix(0, 1_000_000_000).is_err()
        );
    }

    #[test]
    fn durations_are_rounded_to_hundredths() {
        let iso = |seconds: f64| iso_duration(Duration::from_secs_f64(seconds));
        assert_eq!(
            [0.0, 0.004, 0.005, 1.25, 59.996, 60.0, 3600.0, 7384.5].map(iso),
            ["PT0S", "PT0S", "PT0.01S", "PT1.25S", "PT1M", "PT1M", "PT1H", "PT2H3M4.50S"]
        );
        assert!(parse_duration(&iso_duration(Duration::MAX)).is_some());
    }

    #[test]
    fn durations_are_read() {
        let both = |text| parse_duration(text).map(|length| (length.months, length.seconds));
        assert_eq!(both("PT2H3M4.50S"), Some((0.0, 7384.5)));
        assert_eq!(both("P1Y2M3DT4H"), Some((14.0, 273_600.0)));
        assert_eq!(both("P2W"), Some((0.0, 1_209_600.0)));
        assert_eq!(both("PT0,5M"), Some((0.0, 30.0)));
        assert_eq!(both("P0.5D"), Some((0.0, 43_200.0)));
        for bad in [
            "", "P", "PT", "P1", "PT1", "1S", "P1S", "PT1D", "PT1S1M", "PT1.S", "PT.5S", "PT1.5M3S",
            "P0.5DT1H", "P1WT1H", "P1W2D", "PT-1S", "pt1s", "PT1H1H", "P1DT", "PT1.2.3S", "PT1S ", "P1e3D",
            "-PT1S",
        ] {
            assert_eq!(both(bad), None, "{bad}");
        }
    }
}
