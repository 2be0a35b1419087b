//! Content packages: zip files, folders and single files.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use grpo_edu::assessment::Item;
use grpo_edu::assessment::qti::{Package, QtiError};
use rawzip::path::EntryPath;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use tempfile::TempDir;

use super::folder;

const ITEM: &str = "imsqti_item_xmlv2p1";

fn fixture(name: &str) -> Vec<u8> {
    fs::read(folder().join("items").join(name)).unwrap()
}

fn manifest(resources: &[(&str, &str)]) -> Vec<u8> {
    let resources: String = resources
        .iter()
        .map(|(kind, href)| format!("<resource identifier=\"r\" type=\"{kind}\" href=\"{href}\"/>"))
        .collect();
    let namespace = "http://www.imsglobal.org/xsd/imscp_v1p1";
    format!("<manifest xmlns=\"{namespace}\"><organizations/><resources>{resources}</resources></manifest>")
        .into_bytes()
}

/// Packs files as they are named, however they are named.
fn zip(files: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, content) in files {
        let (mut entry, config) = archive
            .new_file(EntryPath::verbatim(name.as_bytes()))
            .compression_method(method)
            .start()
            .unwrap();
        if method == CompressionMethod::DEFLATE {
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::best()));
            writer.write_all(content).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
    }
    archive.finish().unwrap();
    bytes
}

fn open(bytes: &[u8]) -> Result<Package, QtiError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bank.zip");
    fs::write(&path, bytes).unwrap();
    Package::open(path)
}

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    let error = open(bytes).map(|package| format!("{package:?}")).unwrap_err().to_string();
    assert!(error.contains("bank.zip") && error.contains(message), "{error}\nshould say\n{message}");
}

fn ids(package: &Package) -> Vec<&str> {
    package.items().iter().map(Item::id).collect()
}

#[test]
fn zip_files_are_read_in_the_order_of_the_manifest() {
    let resources = [
        (ITEM, "items/order.xml"),
        ("webcontent", "picture.png"),
        ("imsqti_test_xmlv2p1", "test.xml"),
        ("imsqti_item_xmlv3p0", "items/a%20choice.xml"),
        ("imsqti_item_xmlv2p2", "./items/record.xml"),
    ];
    let files = [
        ("imsmanifest.xml", manifest(&resources)),
        ("items/a choice.xml", fixture("v3-choice.xml")),
        ("items/record.xml", fixture("record.xml")),
        ("items/order.xml", fixture("order.xml")),
        ("test.xml", b"<assessmentTest/>".to_vec()),
        ("picture.png", vec![0; 100]),
    ];
    for method in [CompressionMethod::DEFLATE, CompressionMethod::STORE] {
        let package = open(&zip(&files, method)).unwrap();
        assert_eq!(ids(&package), ["order", "v3-choice", "record"]);
        let [test] = package.skipped() else { panic!("{:?}", package.skipped()) };
        assert_eq!(test.name, "test.xml");
        assert!(test.reason.contains("an assessment test"), "{}", test.reason);
    }
}

#[test]
fn what_isnt_supported_is_listed_and_what_is_invalid_is_an_error() {
    let hotspot = String::from_utf8(fixture("choice-single.xml"))
        .unwrap()
        .replace("choiceInteraction", "hotspotInteraction");
    let manifest = manifest(&[(ITEM, "a.xml"), (ITEM, "b.xml")]);
    let pack = |a: Vec<u8>| {
        let files = [("imsmanifest.xml", manifest.clone()), ("a.xml", a), ("b.xml", fixture("order.xml"))];
        zip(&files, CompressionMethod::DEFLATE)
    };
    let package = open(&pack(hotspot.into_bytes())).unwrap();
    assert_eq!(ids(&package), ["order"]);
    assert_eq!(package.skipped()[0].name, "a.xml");
    let reason = &package.skipped()[0].reason;
    assert!(reason.contains("a.xml:10:5: <hotspotInteraction> isn't supported"), "{reason}");
    refused(&pack(b"<assessmentItem".to_vec()), "bank.zip/a.xml:1:");
}

#[test]
fn folders_and_single_files_are_read() {
    let bank = TempDir::new().unwrap();
    let path = bank.path();
    fs::write(path.join("b.xml"), fixture("order.xml")).unwrap();
    fs::write(path.join("a.XML"), fixture("match.xml")).unwrap();
    fs::write(path.join("notes.txt"), "nothing").unwrap();
    assert_eq!(ids(&Package::open(path).unwrap()), ["match", "order"]);
    assert_eq!(ids(&Package::open(path.join("b.xml")).unwrap()), ["order"]);
    fs::write(path.join("imsmanifest.xml"), manifest(&[(ITEM, "b.xml")])).unwrap();
    assert_eq!(ids(&Package::open(path).unwrap()), ["order"]);
    // All fixtures are a bank of their own.
    let all = Package::open(folder().join("items")).unwrap();
    assert!(all.items().len() > 25 && all.skipped().is_empty(), "{:?}", all.skipped());
}

#[test]
fn bases_of_a_manifest_are_followed() {
    let bank = TempDir::new().unwrap();
    fs::create_dir_all(bank.path().join("content/items")).unwrap();
    fs::write(bank.path().join("content/items/order.xml"), fixture("order.xml")).unwrap();
    let with_base = String::from_utf8(manifest(&[(ITEM, "items/order.xml")])).unwrap();
    let with_base = with_base.replace("<resources>", "<resources xml:base=\"content/\">");
    fs::write(bank.path().join("imsmanifest.xml"), with_base).unwrap();
    assert_eq!(ids(&Package::open(bank.path()).unwrap()), ["order"]);
}

#[test]
fn paths_out_of_the_package_are_refused() {
    for path in [
        "../order.xml",
        "a/../../order.xml",
        "/etc/passwd",
        "..\\order.xml",
        "c:order.xml",
        "http://a/b.xml",
        "%2e%2e/a.xml",
    ] {
        let bank = TempDir::new().unwrap();
        fs::create_dir(bank.path().join("bank")).unwrap();
        fs::write(bank.path().join("order.xml"), fixture("order.xml")).unwrap();
        fs::write(bank.path().join("bank/imsmanifest.xml"), manifest(&[(ITEM, path)])).unwrap();
        let error = Package::open(bank.path().join("bank")).unwrap_err().to_string();
        assert!(error.contains("a path must stay within the package"), "{path}: {error}");
    }
    for name in ["../order.xml", "/order.xml", "a\\b.xml", "a/../b.xml", "c:b.xml", "a\0.xml"] {
        let files = [("imsmanifest.xml", manifest(&[])), (name, fixture("order.xml"))];
        refused(&zip(&files, CompressionMethod::STORE), "a path must stay within the package");
    }
}

#[cfg(unix)]
#[test]
fn links_out_of_a_folder_are_refused() {
    let bank = TempDir::new().unwrap();
    let inside = bank.path().join("bank");
    fs::create_dir(&inside).unwrap();
    fs::write(bank.path().join("order.xml"), fixture("order.xml")).unwrap();
    std::os::unix::fs::symlink(bank.path().join("order.xml"), inside.join("order.xml")).unwrap();
    fs::write(inside.join("imsmanifest.xml"), manifest(&[(ITEM, "order.xml")])).unwrap();
    let error = Package::open(&inside).unwrap_err().to_string();
    assert!(error.contains("order.xml: it is a link to a file outside of the package"), "{error}");
}

#[test]
fn missing_and_odd_files_are_named() {
    let pack = |files: &[(&str, Vec<u8>)]| zip(files, CompressionMethod::DEFLATE);
    refused(
        &pack(&[("order.xml", fixture("order.xml"))]),
        "imsmanifest.xml: a zip file needs it at its root",
    );
    refused(
        &pack(&[("imsmanifest.xml", manifest(&[(ITEM, "gone.xml")]))]),
        "gone.xml: the manifest names it, but it isn't in the package",
    );
    refused(&pack(&[("imsmanifest.xml", manifest(&[]))]), "there is no item in it");
    refused(&pack(&[("imsmanifest.xml", b"<manifest><resources>".to_vec())]), "bank.zip/imsmanifest.xml:1:");
    refused(&pack(&[("imsmanifest.xml", b"<other/>".to_vec())]), "a manifest begins with <manifest>");
    let no_href =
        b"<manifest><resources><resource type=\"imsqti_item_xmlv2p1\"/></resources></manifest>".to_vec();
    refused(
        &pack(&[("imsmanifest.xml", no_href)]),
        "bank.zip/imsmanifest.xml:1:22: <resource>: it needs the attribute `href`",
    );
    let twice = [(ITEM, "a.xml"), (ITEM, "b.xml")];
    let files = [
        ("imsmanifest.xml", manifest(&twice)),
        ("a.xml", fixture("order.xml")),
        ("b.xml", fixture("order.xml")),
    ];
    refused(&pack(&files), "order: items 1 and 2 of the package have the same identifier");
    let doubled = [
        ("imsmanifest.xml", manifest(&twice)),
        ("a.xml", fixture("order.xml")),
        ("a.xml", fixture("match.xml")),
    ];
    refused(&pack(&doubled), "a.xml: it is in the zip file twice");
    let bank = TempDir::new().unwrap();
    fs::write(bank.path().join("imsmanifest.xml"), manifest(&[(ITEM, "gone.xml")])).unwrap();
    let error = Package::open(bank.path()).unwrap_err().to_string();
    assert!(error.contains("gone.xml: the manifest names it"), "{error}");
    let error = Package::open(Path::new("there/is/none")).unwrap_err().to_string();
    assert!(error.starts_with("there/is/none can't be read: "), "{error}");
}

#[test]
fn zip_bombs_and_broken_zip_files_are_refused() {
    let manifest = manifest(&[(ITEM, "a.xml")]);
    let bomb = |size: usize| {
        let files = [("imsmanifest.xml", manifest.clone()), ("a.xml", vec![b' '; size])];
        zip(&files, CompressionMethod::DEFLATE)
    };
    refused(&bomb(20 << 20), "a.xml: it unpacks to more than");
    let good = zip(
        &[("imsmanifest.xml", manifest.clone()), ("a.xml", fixture("order.xml"))],
        CompressionMethod::DEFLATE,
    );
    open(&good).unwrap();
    // Wherever a byte is broken: refused, or without consequence, but no panic.
    let mut refusals = 0;
    for at in 0..good.len() {
        let mut broken = good.clone();
        broken[at] ^= 0x55;
        refusals += usize::from(open(&broken).is_err());
    }
    assert!(refusals > good.len() / 2, "{refusals} of {}", good.len());
    for end in (4..good.len()).step_by(97) {
        open(&good[..end]).unwrap_err();
    }
    refused(b"PK\x03\x04", "not a zip file that can be read");
    refused(
        &zip(&[("imsmanifest.xml", manifest)], CompressionMethod::BZIP2),
        "it is packed by a method that isn't read",
    );
}

/// Bytes of zip files changed at random, from a seed: read or refused with the name of the file, never a panic.
#[test]
fn mutated_zip_files_are_read_or_refused() {
    let files = [
        ("imsmanifest.xml", manifest(&[(ITEM, "a.xml"), (ITEM, "b.xml")])),
        ("a.xml", fixture("order.xml")),
        ("b.xml", fixture("slider.xml")),
    ];
    let whole = [CompressionMethod::STORE, CompressionMethod::DEFLATE].map(|method| zip(&files, method));
    let mut state = 15_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound.max(1)
    };
    let (mut read, mut refused) = (0, 0);
    for round in 0..2_000 {
        let mut bytes = whole[round % 2].clone();
        for _ in 0..=below(3) {
            // Most of what a reader goes by stands at the end: the list of entries.
            let at = if below(2) == 0 {
                below(bytes.len())
            } else {
                bytes.len() - 1 - below(bytes.len().min(260))
            };
            match below(4) {
                0 => drop(bytes.drain(at..(at + below(60)).min(bytes.len()))),
                1 => bytes[at] = 0xff,
                _ => bytes[at] = below(256) as u8,
            }
            if bytes.is_empty() {
                break;
            }
        }
        match open(&bytes) {
            Ok(package) => read += package.items().len().min(1),
            Err(error) => {
                assert!(error.to_string().contains("bank.zip") && error.to_string().len() < 1500, "{error}");
                refused += 1;
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}
