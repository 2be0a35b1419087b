//! QTI: items, and packages of them.

use std::fs;
use std::io::Write as _;

use grpo_edu::assessment::qti::{Package, read_item};
use rawzip::path::EntryPath;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use tempfile::NamedTempFile;

use crate::budget::within;
use crate::input;
use crate::item::check;

/// One item.
pub fn qti_item(data: &[u8]) {
    let xml = input::grown(data);
    match within("reading", || read_item(&xml, "item.xml")) {
        Ok(item) => check(&item),
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("item.xml") && message.len() < 2000, "{message}");
        }
    }
}

/// A package: a zip file where the bytes begin with `PK`; otherwise its files one after the other, divided by the
/// divider, the first line of each being its name. These are packed first, so that a change of one byte doesn't
/// break the checksums.
pub fn qti_package(data: &[u8]) {
    let zip = if data.starts_with(b"PK") { data.to_vec() } else { pack(&input::text(data)) };
    let file = NamedTempFile::new().expect("a folder for temporary files");
    fs::write(file.path(), &zip).expect("room for a temporary file");
    match within("opening", || Package::open(file.path())) {
        Ok(package) => {
            assert!(!package.items().is_empty());
            package.items().iter().take(4).for_each(|item| check(item));
        }
        Err(error) => {
            let message = error.to_string();
            let path = file.path().display().to_string();
            assert!(message.contains(&path) && message.len() < 3000, "{message}");
        }
    }
}

fn pack(files: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for file in input::all_parts(files).take(64) {
        let (name, content) = file.split_once('\n').unwrap_or((file, ""));
        let entry = archive.new_file(EntryPath::verbatim(name.as_bytes()));
        // What can't be written to a zip file (a name that is too long) isn't of interest.
        let Ok((mut entry, config)) = entry.compression_method(CompressionMethod::STORE).start() else {
            continue;
        };
        let mut writer = config.wrap(&mut entry);
        writer.write_all(content.as_bytes()).expect("memory takes everything");
        let (_, descriptor) = writer.finish().expect("memory takes everything");
        entry.finish(descriptor).expect("memory takes everything");
    }
    archive.finish().expect("memory takes everything");
    bytes
}
