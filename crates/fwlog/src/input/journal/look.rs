//! Single lines of journals, and journals that lie in memory.
//!
//! Responsible for: one line by its number, the newest line of a kind, all lines of bytes.
//! Must not know: what a line says.
//! Tested by: `fwstat/tests/cli/journal.rs`, `tests/journal.rs`, fuzzing.

use crate::sorting::InOrder as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::desk::Desk;
use super::lines::Missing;
use super::member::{Member, Wanted};
use super::parts::Parts;
use super::window::Medium;
use crate::input::years::Years;

/// How many pieces of a file are searched for its newest record, from its end.
const SEARCHED: usize = 64;

/// The line of the kernel's entry `number` (1-based) of a journal, as it is read everywhere; an error
/// says why there is none.
///
/// # Errors
/// The file cannot be read, or does not have so many entries.
pub fn line(path: &Path, number: u64, years: &Years) -> Result<Vec<u8>, String> {
    line_of(File::open(path).map_err(|error| error.to_string())?, number, years)
}

/// The same of a file that is open.
///
/// # Errors
/// The file cannot be read, or does not have so many entries.
pub fn line_of(file: File, number: u64, years: &Years) -> Result<Vec<u8>, String> {
    let wanted = Wanted { part: 1, ..Wanted::default() };
    let member = Member::of(PathBuf::new(), Medium::File(Arc::new(file)), &wanted);
    if let Some(refused) = member.refused {
        return Err(refused.to_string());
    }
    let Some(parts) = member.opened.map(|opened| Parts::new(vec![(0, opened)], &wanted)) else {
        return Err("cannot be read".to_owned());
    };
    let (mut desk, mut text) = (Desk::default(), Vec::new());
    if let Some(part) = parts.part_of(number) {
        parts.read(part, years, &mut desk, &mut text);
    }
    // A piece that was found by going from object to object has several.
    let at = desk.heads.all.iter().position(|head| head.line == number);
    match at.and_then(|at| Some((desk.heads.all[at], text.split(|byte| *byte == b'\n').nth(at)?))) {
        Some((head, line)) if head.missing.is_none() => Ok(line.to_vec()),
        Some((head, _)) => Err(match head.missing {
            Some(Missing::Damaged(why)) => format!("entry {number} is damaged: {why}"),
            _ => format!("entry {number} is longer than any line that is read"),
        }),
        None => Err(format!("has no entry {number} of the kernel")),
    }
}

/// When the newest line of some journals that `is_wanted` was received (microseconds since 1970).
pub fn newest(paths: &[PathBuf], is_wanted: impl Fn(&[u8]) -> bool) -> Option<u64> {
    let wanted = Wanted { part: 1024, ..Wanted::default() };
    let mut members: Vec<Member> = paths.iter().map(|path| Member::open(path.clone(), &wanted)).collect();
    let last = |member: &Member| member.ends().map(|(_, last)| last.realtime);
    members.order_by_key(|member| std::cmp::Reverse(last(member)));
    let mut newest = None;
    for (source, member) in members.into_iter().enumerate() {
        if newest >= last(&member) {
            break;
        }
        let Some(opened) = member.opened else { continue };
        let parts = Parts::new(vec![(source, opened)], &wanted);
        let (mut desk, mut text) = (Desk::default(), Vec::new());
        for part in (0..parts.len()).rev().take(SEARCHED) {
            text.clear();
            parts.read(part, &Years::default(), &mut desk, &mut text);
            let lines = text.split(|byte| *byte == b'\n');
            let found = lines.zip(&desk.heads.all).filter(|(line, _)| is_wanted(line));
            if let Some(time) = found.map(|(_, head)| head.realtime).max() {
                newest = newest.max(Some(time));
                break;
            }
        }
    }
    newest
}

/// What was read of a journal in memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The lines of its entries, one each.
    pub text: Vec<u8>,
    /// For each line, the number of its entry, and why it is empty if it is.
    pub lines: Vec<(u64, Option<Missing>)>,
    /// What is wrong with the file, and fields that could not be read.
    pub troubles: Vec<String>,
}

/// Reads a journal in memory from one end to the other.
///
/// # Errors
/// It is not a journal; the text says why.
pub fn read(bytes: Arc<[u8]>, wanted: &Wanted) -> Result<Read, String> {
    let member = Member::of(PathBuf::new(), Medium::Memory(bytes), wanted);
    if let Some(refused) = member.refused {
        return Err(refused.to_string());
    }
    let mut read = Read { troubles: member.troubles, ..Read::default() };
    if let Some(opened) = member.opened {
        let parts = Parts::new(vec![(0, opened)], wanted);
        let mut desk = Desk::default();
        while let Some(part) = parts.next() {
            let (_, lost) = parts.read(part, &Years::default(), &mut desk, &mut read.text);
            read.lines.extend(desk.heads.all.iter().map(|head| (head.line, head.missing)));
            if lost.objects > 0 {
                read.troubles.push(lost.to_string());
            }
        }
    }
    Ok(read)
}
