//! Content packages: a zip file or folder with a manifest, or items in files of their own.

mod archive;
mod files;
mod manifest;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use super::error::QtiError;
use super::item::{QtiItem, read_item};
use crate::assessment::Item;
use files::Files;
use manifest::Resource;

/// The items of a content package, of a folder or of one file.
#[derive(Debug)]
pub struct Package {
    items: Vec<QtiItem>,
    skipped: Vec<Skipped>,
}

/// Something in a package that isn't among its items.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The file within the package.
    pub name: String,
    /// Why it isn't.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

impl Package {
    /// Reads a zip file or folder with an `imsmanifest.xml`, a folder of XML files, or one XML file.
    ///
    /// Items that need what isn't supported are left out and listed in [`Package::skipped`], as are assessment tests: their items
    /// are read one by one, in the order of the manifest. A folder without a manifest is read in the order of the names of its
    /// files, without folders in it.
    ///
    /// Nothing is unpacked to disk. At most 20,000 files and 256 MiB of items are read from a package.
    ///
    /// # Errors
    /// When something can't be read, when an item is invalid (rather than just not supported), when two items have the same
    /// identifier, when a file that the manifest names is missing, when a path leads out of the package, and when no item is left.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, QtiError> {
        let path = path.as_ref();
        let mut files = Files::open(path)?;
        let mut package = Self { items: Vec::new(), skipped: Vec::new() };
        let resources = match files.manifest()? {
            Some((name, manifest)) => manifest::read(&manifest, &name, &files.name())?,
            None => files.all()?.into_iter().map(Resource::Item).collect(),
        };
        for resource in resources {
            match resource {
                Resource::Item(name) => package.read(&mut files, name)?,
                Resource::Other { name, reason } => package.skipped.push(Skipped { name, reason }),
            }
        }
        package.check(&files.name())?;
        Ok(package)
    }

    fn read(&mut self, files: &mut Files, name: String) -> Result<(), QtiError> {
        let xml = files.read(&name)?;
        match read_item(&xml, &files.shown(&name)) {
            Ok(item) => self.items.push(item),
            Err(error @ QtiError::Unsupported { .. }) if !files.is_single() => {
                self.skipped.push(Skipped { name, reason: error.to_string() });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn check(&self, package: &str) -> Result<(), QtiError> {
        let mut seen = HashMap::new();
        for (place, item) in self.items.iter().enumerate() {
            if let Some(first) = seen.insert(item.id(), place) {
                let problem = format!(
                    "items {} and {} of the package have the same identifier: rename one",
                    first + 1,
                    place + 1
                );
                let (package, entry) = (package.to_owned(), item.id().to_owned());
                return Err(QtiError::Package { package, entry, problem });
            }
        }
        if self.items.is_empty() {
            let reason = match self.skipped.first() {
                Some(skipped) => format!(
                    "there is no item in it that is read; the first one left out is {}: {}",
                    skipped.name, skipped.reason
                ),
                None => "there is no item in it".into(),
            };
            let (package, entry) = (package.to_owned(), "imsmanifest.xml or *.xml".to_owned());
            return Err(QtiError::Package { package, entry, problem: reason });
        }
        Ok(())
    }

    /// The items, in the order of the manifest or of the names of their files.
    pub fn items(&self) -> &[QtiItem] {
        &self.items
    }

    /// The items, to keep.
    pub fn into_items(self) -> Vec<QtiItem> {
        self.items
    }

    /// What was left out, with the reason.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}
