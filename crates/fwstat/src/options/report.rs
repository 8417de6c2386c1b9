//! What was typed for `fwstat report`: to whom a mail goes, and what was told before.
//!
//! Responsible for: the letter's head, and reading the state.
//! Must not know: what a report says.
//! Tested by: `tests/cli/report_digest.rs`.

use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use fwlog::text;
use fwlog::time::clock::NANOS;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use crate::analysis::summary::news::Told;
use crate::cli::Report;
use crate::report::digest::mail::{Letter, header_name, is_address};
use crate::whole_file;

/// Who writes to whom, and when.
///
/// # Errors
/// `--to` is no address, or `--now` no time.
pub fn letter(arguments: &Report, zone: &TimeZone) -> anyhow::Result<Letter> {
    let to = arguments.to.clone();
    ensure!(is_address(&to), "--to: `{}` is not an address for a mail", text::escape(to.as_bytes()));
    let now = match &arguments.common.input.now {
        Some(now) => super::time("--now", now, super::wall_clock(), zone)?,
        None => super::wall_clock(),
    };
    let now = Timestamp::from_second(now.div_euclid(NANOS)).context("--now")?.to_zoned(zone.clone());
    let date = rfc2822::to_string(&now).context("--now")?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Ok(Letter { to, host: header_name(host.trim()), date })
}

/// What was told before; nothing if there is no such file.
///
/// # Errors
/// It cannot be read, or is no state.
pub fn told(path: &Path) -> anyhow::Result<Option<Told>> {
    let name = || format!("--state: {}", text::escape(path.to_string_lossy().as_bytes()));
    if !path.exists() {
        return Ok(None);
    }
    let text = whole_file::text(path, whole_file::LIST).with_context(name)?;
    Told::read(&text).map(Some).map_err(|error| anyhow!("{}: {error}", name()))
}
