//! Identifiers of statements that are the same whenever the same statement is made again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A universally unique identifier (RFC 9562).
///
/// ```
/// use grpo_edu::assessment::xapi::Uuid;
///
/// // Python: uuid.uuid5(uuid.NAMESPACE_URL, "https://example.org/")
/// let id = Uuid::v5(&Uuid::URL, "https://example.org/");
/// assert_eq!(id.to_string(), "527dda32-a0de-5105-a042-cb475b5f7d11");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// The namespace of addresses (RFC 9562, section 6.6).
    pub const URL: Self = Self([
        0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
    ]);

    /// The identifier of a name in a namespace: version 5, by SHA-1.
    pub fn v5(namespace: &Self, name: &str) -> Self {
        let mut hash = sha1_smol::Sha1::new();
        hash.update(&namespace.0);
        hash.update(name.as_bytes());
        let digest = hash.digest().bytes();
        let mut bytes: [u8; 16] = std::array::from_fn(|place| digest[place]);
        bytes[6] = bytes[6] & 0x0f | 0x50;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(out, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for Uuid {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let problem = "is no UUID; write one like 12345678-1234-5678-9234-567812345678";
        let groups: Vec<&str> = text.splitn(6, '-').collect();
        if !groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) {
            return Err(problem);
        }
        let mut digits = groups.iter().flat_map(|group| group.chars()).map(|digit| digit.to_digit(16));
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let (high, low) = (digits.next().flatten(), digits.next().flatten());
            let (Some(high), Some(low)) = (high, low) else { return Err(problem) };
            // Two hexadecimal digits make at most 255.
            *byte = (16 * high + low) as u8;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|problem| de::Error::custom(format_args!("{text:?} {problem}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let id = Uuid::v5(&Uuid::URL, "a");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        for bad in [
            "",
            "6ba7b811-9dad-11d1-80b4-00c04fd430c",
            "6ba7b811-9dad-11d1-80b4-00c04fd430c8-",
            "6ba7b8119dad11d180b400c04fd430c8",
            "{6ba7b811-9dad-11d1-80b4-00c04fd430c8}",
            "6ba7b811-9dad-11d1-80b4-00c04fd430cé",
            "gba7b811-9dad-11d1-80b4-00c04fd430c8",
        ] {
            assert!(bad.parse::<Uuid>().is_err(), "{bad}");
        }
    }
}
