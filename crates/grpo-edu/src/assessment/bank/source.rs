//! Files of questions, of bounded size and in UTF-8.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::BankError;

/// The largest question bank, in bytes; the largest ones in use have a few MB.
const MAX_BYTES: u64 = 64 << 20;

/// Refuses a text that is larger than a question bank.
pub(crate) fn check_size(file: &str, found: u64) -> Result<(), BankError> {
    if found <= MAX_BYTES {
        return Ok(());
    }
    Err(BankError::TooLarge { file: file.into(), found, limit: MAX_BYTES })
}

/// The text of a file and its name for messages.
pub(crate) fn read_file(path: &Path) -> Result<(String, String), BankError> {
    let name = path.display().to_string();
    let refuse =
        |error: std::io::Error| BankError::ReadFile { path: name.clone(), reason: error.to_string() };
    let file = File::open(path).map_err(refuse)?;
    check_size(&name, file.metadata().map_err(refuse)?.len())?;
    let mut bytes = Vec::new();
    // A pipe or a growing file says nothing of its size beforehand.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(refuse)?;
    check_size(&name, bytes.len() as u64)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        BankError::Encoding {
            path: name.clone(),
            line: 1 + valid.iter().filter(|byte| **byte == b'\n').count(),
        }
    })?;
    Ok((text, name))
}
