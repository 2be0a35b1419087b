//! `grpo edu send` and `grpo edu fetch`: statements to a learning record store and back.

use crate::args;
use crate::failure::Failure;
use std::process::ExitCode;

#[cfg(not(feature = "http"))]
const WITHOUT: &str =
    "this program was built without the feature `http`; build it with: cargo build --release --features http";

#[cfg(not(feature = "http"))]
pub(super) fn send(_: &args::EduSend) -> Result<ExitCode, Failure> {
    crate::failure::Classify::bad_input(Err(anyhow::anyhow!(WITHOUT)))
}

#[cfg(not(feature = "http"))]
pub(super) fn fetch(_: &args::EduFetch) -> Result<ExitCode, Failure> {
    crate::failure::Classify::bad_input(Err(anyhow::anyhow!(WITHOUT)))
}

#[cfg(feature = "http")]
pub(super) use with_http::{fetch, send};

#[cfg(feature = "http")]
mod with_http {
    use super::{ExitCode, Failure, args};
    use crate::failure::Classify;
    use crate::words::count;
    use anyhow::{Context, anyhow};
    use grpo_edu::assessment::xapi::{
        Batches, Lrs, LrsConfig, Spool, StatementQuery, Version, XapiError, statements,
    };
    use serde_json::Value;
    use std::fs::{self, OpenOptions};
    use std::io::BufWriter;
    use std::path::{Path, PathBuf};

    fn connect(store: &args::Store) -> Result<Lrs, XapiError> {
        let version = if store.xapi_version == "2.0.0" { Version::V2 } else { Version::V1 };
        let config =
            LrsConfig { url: store.url.clone(), user: store.user.clone(), version, ..LrsConfig::default() };
        Lrs::connect(&config)
    }

    pub(in super::super) fn send(args: &args::EduSend) -> Result<ExitCode, Failure> {
        let lrs = connect(&args.store).bad_input()?;
        let folder = args.spool.clone().unwrap_or_else(|| beside(&args.statements));
        let new = read(&args.statements).bad_input()?;
        let mut spool = Spool::open(&folder).bad_input()?;
        let waiting = spool.waiting().while_running()?;
        spool.push_new(new.iter()).with_context(|| args.statements.display().to_string()).bad_input()?;
        if waiting > 0 {
            eprintln!(
                "{} in {} from before",
                count(waiting, "statement waits", "statements wait"),
                folder.display()
            );
        }
        let report = match spool.send(&lrs, &Batches::default()) {
            Ok(report) => report,
            Err(error) => {
                let waiting = spool.waiting().while_running()?;
                let held = count(waiting, "statement waits", "statements wait");
                return Err(error)
                    .with_context(|| {
                        format!("{held} in {}; the same command goes on with them", folder.display())
                    })
                    .while_running();
            }
        };
        println!("{} sent", count(report.sent, "statement", "statements"));
        let refused = spool.refused_file();
        // Those of earlier calls as well: nobody may have looked at them yet.
        if fs::metadata(refused).is_ok_and(|file| file.len() > 0) {
            let what = match report.refused {
                0 => "statements were refused before".to_owned(),
                now => format!("{} refused", count(now, "statement was", "statements were")),
            };
            println!("{what}: see {}; delete it when they are dealt with", refused.display());
            return Ok(ExitCode::from(1));
        }
        // Nothing waits, and nothing was refused: the folder has served its purpose.
        drop(spool);
        if args.spool.is_none() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("can't remove {}", folder.display()))
                .while_running()?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn beside(statements: &Path) -> PathBuf {
        let mut name = statements.as_os_str().to_owned();
        name.push(".spool");
        name.into()
    }

    fn read(path: &Path) -> anyhow::Result<Vec<Value>> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("can't read {name}"))?;
        let found = statements(&text, &name)?;
        if found.is_empty() {
            return Err(anyhow!("{name} has no statements"));
        }
        Ok(found.into_iter().map(|one| Value::Object(one.value)).collect())
    }

    pub(in super::super) fn fetch(args: &args::EduFetch) -> Result<ExitCode, Failure> {
        let lrs = connect(&args.store).bad_input()?;
        let name = args.out.display().to_string();
        let file = OpenOptions::new().write(true).create_new(true).open(&args.out);
        let file = file.with_context(|| format!("can't write {name} (it must not exist)")).bad_input()?;
        let fetched = lrs.download(&StatementQuery::default(), &mut BufWriter::new(file), &name);
        let number = fetched.inspect_err(|_| {
            // A part of what was asked for would look like all of it.
            let _ = fs::remove_file(&args.out);
        });
        println!("{} in {name}", count(number.while_running()?, "statement", "statements"));
        Ok(ExitCode::SUCCESS)
    }
}
