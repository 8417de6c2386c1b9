//! A log that is read more than once by one command.
//!
//! Responsible for: a copy of what can be read only once.
//! Must not know: what the passes are for.
//! Tested by: the unit tests below, `tests/cli/advice.rs`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use fwlog::aggregate::Aggregate;
use fwlog::input::is_read_once;
use fwlog::pipeline::Account;

use crate::cli::Common;
use crate::options::{self, Options, Shared};
use crate::report::Head;

/// The log, and what its first pass counted.
pub(super) struct Passes {
    common: Common,
    /// What the passes have in common.
    shared: Shared,
    /// Copies, and the name of each: as it is read, and as it was typed.
    copies: Vec<(File, PathBuf, String)>,
    /// The place of each input in the order of their names.
    pub(super) ranks: Vec<usize>,
}

impl Passes {
    /// Makes a log ready.
    ///
    /// # Errors
    /// An option makes no sense, or an input that can be read only once cannot be copied.
    pub(super) fn new(mut common: Common) -> anyhow::Result<Passes> {
        options::fix_now(&mut common);
        let (shared, copies) = (Shared::default(), Vec::new());
        let mut log = Passes { common, shared, copies, ranks: Vec::new() };
        let stdin = log.options(false)?.queue.names().iter().any(|name| name == "-");
        if log.common.files.is_empty() && stdin {
            log.common.files.push(PathBuf::from("-"));
        }
        for at in 0..log.common.files.len() {
            log.copy_if_read_once(at)?;
        }
        log.ranks = log.options(false)?.queue.ranks();
        Ok(log)
    }

    /// Copies an input that can be read only once into an unnamed file.
    fn copy_if_read_once(&mut self, at: usize) -> anyhow::Result<()> {
        let path = self.common.files[at].clone();
        let name = path.to_string_lossy().into_owned();
        if name != "-" && !is_read_once(&path) {
            return Ok(());
        }
        let mut copy =
            tempfile::tempfile().context("a copy of what can be read only once is kept for the proof")?;
        let copied = match name.as_str() {
            "-" => io::copy(&mut io::stdin().lock(), &mut copy),
            _ => File::open(&path).and_then(|mut file| io::copy(&mut file, &mut copy)),
        };
        copied.with_context(|| name.clone())?;
        let again = PathBuf::from(format!("/proc/self/fd/{}", copy.as_raw_fd()));
        self.common.files[at].clone_from(&again);
        self.copies.push((copy, again, name));
        Ok(())
    }

    /// One pass.
    ///
    /// # Errors
    /// The pass could not read everything that the first one read, or it read something else.
    pub(super) fn run<A: Aggregate>(
        &mut self,
        make: impl Fn() -> A + Sync,
    ) -> anyhow::Result<(A, Options, Account, Head)> {
        let options = self.options(false)?;
        self.run_with(options, make)
    }

    /// What a pass is run with; `ordered` if its output must be in the order of the input.
    ///
    /// # Errors
    /// An option makes no sense.
    pub(super) fn options(&self, ordered: bool) -> anyhow::Result<Options> {
        Options::again(&self.common, ordered, &self.shared)
    }

    /// One pass with these options.
    ///
    /// # Errors
    /// As those of `run`.
    pub(super) fn run_with<A: Aggregate>(
        &mut self,
        options: Options,
        make: impl Fn() -> A + Sync,
    ) -> anyhow::Result<(A, Options, Account, Head)> {
        let (aggregate, account, mut head) = super::pass(&options, make, self.shared.is_first())?;
        for name in &mut head.files {
            if let Some((.., typed)) = self.copies.iter().find(|(_, again, _)| Path::new(name) == again) {
                name.clone_from(typed);
            }
        }
        let interrupted = options.queue.stop.load(Ordering::Relaxed);
        if self.shared.is_first() || !interrupted {
            self.shared.check(&account)?;
        }
        Ok((aggregate, options, account, head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{FilterArgs, InputArgs, OutputArgs};
    use fwlog::record::Record;

    const LINE: &str = "Jun 30 06:06:13 host kernel: [1.000001] drop IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 \
        TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 \n";

    #[derive(Default)]
    struct Records(u64);

    impl Aggregate for Records {
        fn add(&mut self, _: &Record<'_>) {
            self.0 += 1;
        }

        fn merge(&mut self, other: Self) {
            self.0 += other.0;
        }
    }

    fn pass(log: &mut Passes) -> anyhow::Result<u64> {
        log.run(Records::default).map(|(records, ..)| records.0)
    }

    fn common() -> Common {
        let (filter, input, output) = (FilterArgs::default(), InputArgs::default(), OutputArgs::default());
        Common { files: Vec::new(), filter, input, output }
    }

    #[test]
    fn a_pass_that_reads_something_else_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let changes: [(&str, &dyn Fn()); 3] = [
            ("truncated", &|| std::fs::write(&path, LINE.repeat(50)).unwrap()),
            ("empty", &|| std::fs::write(&path, "").unwrap()),
            ("other bytes", &|| std::fs::write(&path, LINE.replace("40000", "4000").repeat(100)).unwrap()),
        ];
        for (name, change) in changes {
            std::fs::write(&path, LINE.repeat(100)).unwrap();
            let mut log = Passes::new(Common { files: vec![path.clone()], ..common() }).unwrap();
            assert_eq!(pass(&mut log).unwrap(), 100);
            assert_eq!(pass(&mut log).unwrap(), 100);
            change();
            let error = pass(&mut log).unwrap_err().to_string();
            assert!(error.contains("changed while it was read (100 lines"), "{name}: {error}");
        }
        // What is appended between the passes is left to the next run.
        std::fs::write(&path, LINE.repeat(100)).unwrap();
        let mut log = Passes::new(Common { files: vec![path.clone()], ..common() }).unwrap();
        assert_eq!(pass(&mut log).unwrap(), 100);
        std::fs::write(&path, LINE.repeat(101)).unwrap();
        assert_eq!(pass(&mut log).unwrap(), 100);
        std::fs::write(&path, LINE.repeat(100)).unwrap();
        let mut log = Passes::new(Common { files: vec![path.clone()], ..common() }).unwrap();
        pass(&mut log).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(pass(&mut log).is_err());
    }
}
