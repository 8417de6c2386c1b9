//! `fwstat suggest --print`: the lines that the suggested rules leave, or those that they keep out of the log.
//!
//! Responsible for: one more pass, with what the proof says of each line.
//! Must not know: which rules there are.
//! Tested by: `tests/cli/replay_files.rs`.

use std::sync::Arc;

use super::passes::Passes;
use super::{Outcome, commit_unless_stopped, finish, outcome, output};
use crate::analysis::noise::sighting::doubt;
use crate::analysis::suggest::session::Session;
use crate::analysis::suggest::site::{Answer, Asker};
use crate::analysis::suggest::suggestion::Suggestion;
use crate::cli::Silenced;
use fwlog::aggregate::Aggregate;
use fwlog::input::Chunk;
use fwlog::pipeline::order::Writer;
use fwlog::record::Record;

/// Writes the lines.
///
/// # Errors
/// The log cannot be read again, or the output cannot be written.
pub(super) fn print(
    log: &mut Passes,
    session: &Session,
    suggestion: &Suggestion,
    which: Silenced,
) -> anyhow::Result<Outcome> {
    let options = log.options(true)?;
    let (out, beside) = output(&options)?;
    let writer = Writer::new(out, options.plan.threads, Arc::clone(&options.queue.stop));
    let (lines, options, account) = session.judged(suggestion, |judge| {
        let make = || Lines { writer: &writer, asker: judge.asker(), which, bytes: Vec::new(), lines: 0 };
        log.run_with(options, make).map(|(lines, options, account, _)| (lines.lines, options, account))
    })?;
    finish(writer, &options)?;
    if let Some(file) = beside {
        commit_unless_stopped(file, &options)?;
    }
    Ok(match outcome(&options, &account) {
        Outcome::Found if lines == 0 => Outcome::Nothing,
        other => other,
    })
}

/// One thread's lines of the chunk at hand.
struct Lines<'w, 'j> {
    writer: &'w Writer,
    asker: Asker<'j>,
    which: Silenced,
    bytes: Vec<u8>,
    lines: u64,
}

impl Aggregate for Lines<'_, '_> {
    fn add(&mut self, record: &Record<'_>) {
        // What is no evidence stays, whatever a rule would do.
        let answer = if doubt(record).is_some() { Answer::Remains } else { self.asker.ask(record) };
        let wanted = match answer {
            Answer::New(_) => self.which == Silenced::Removed,
            // Taken by rules that were there: the new ones change nothing.
            Answer::Old(_) => false,
            _ => self.which == Silenced::Remaining,
        };
        if wanted {
            self.lines += 1;
            self.bytes.extend_from_slice(record.raw);
            self.bytes.push(b'\n');
        }
    }

    fn merge(&mut self, other: Self) {
        self.lines += other.lines;
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        self.bytes = self.writer.put(chunk.ticket, std::mem::take(&mut self.bytes));
    }
}
