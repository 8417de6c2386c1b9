//! From chunks to a result: every thread takes chunks, reads their lines, filters and counts;
//! at the end the parts are joined.
//!
//! Responsible for: the loop that everything runs through, and the accounting of lines.
//! Must not know: what is counted (`aggregate`), what is shown (`report`).
//! Tested by: `fwstat/tests/cli/top.rs` (any number of threads and any chunk size), `fwstat/tests/cli/check.rs`.

pub mod account;
mod live;
pub mod order;
mod plan;
mod position;
mod scan;
pub mod unread;

pub use account::{Account, Position, Totals, Why};
pub use live::Live;
pub use plan::Plan;
pub use scan::{Rest, is_one_record, joined};

use self::order::Writer;
use self::scan::Worker;
use crate::aggregate::Aggregate;
use crate::input::{Buffer, InputQueue};

/// Reads everything the queue has. Lines that are no records go to `rejects`, if it is there; the
/// feed must give its chunks in order then.
///
/// # Errors
/// Threads cannot be started.
pub fn run<A: Aggregate>(
    queue: &InputQueue,
    plan: &Plan,
    rejects: Option<&Writer>,
    make: impl Fn() -> A + Sync,
) -> anyhow::Result<(A, Account)> {
    let names = queue.names();
    let work = || {
        let mut aggregate = make();
        let mut worker = Worker::new(plan, &names, aggregate.needs_time());
        worker.rejects = rejects.map(|_| Vec::new());
        let mut buffer = Buffer::default();
        while queue.next(&mut buffer) {
            let chunk = buffer.chunk();
            worker.chunk(&chunk, &mut |record| aggregate.add(record));
            if let (Some(writer), Some(lines)) = (rejects, &mut worker.rejects) {
                *lines = writer.put(chunk.ticket, std::mem::take(lines));
            }
            aggregate.end_of_chunk(&chunk);
        }
        aggregate.settle();
        (aggregate, worker.finish())
    };
    let (aggregate, mut account) = match plan.threads {
        0 | 1 => work(),
        _ => {
            let pool = plan.pool()?;
            let mut parts = pool.broadcast(|_| work()).into_iter();
            let (mut aggregate, mut account) = parts.next().unwrap_or_else(work);
            for (other, lines) in parts {
                pool.install(|| aggregate.merge(other));
                account.merge(lines);
            }
            (aggregate, account)
        }
    };
    if account.records {
        queue.found_records();
    }
    account.skip(queue.skipped());
    account.settle();
    account.bytes = queue.bytes();
    Ok((aggregate, account))
}
