//! `fwstat check` on paper: how many lines of each kind, why, and where each reason came up first.
//!
//! Responsible for: the words around the account of lines.
//! Must not know: how lines are told apart.
//! Tested by: `tests/cli/check.rs`.

use fwlog::sorting::InOrder as _;
use std::cmp::Reverse;

use serde_json::{Map, Value, json};

use super::csv::Delimiter;
use super::head::class_name;
use super::style::{Column, DIM, HEADING, KEY, RenderOptions, WARN, columns, percent, sentence};
use super::{Head, Report, json, table};
use fwlog::pipeline::Account;
use fwlog::pipeline::account::Seen;
use fwlog::text;

/// The account of all lines.
pub struct Checked<'a> {
    /// What was read.
    pub head: &'a Head,
    /// The account.
    pub account: &'a Account,
}

impl Report for Checked<'_> {
    fn json(&self) -> Map<String, Value> {
        let files = &self.head.files;
        let at = |seen: &Seen| json!({ "file": files.get(seen.first.source), "line": seen.first.line });
        let reasons: Vec<Value> = self
            .account
            .ranked_reasons()
            .iter()
            .map(|(why, seen)| {
                json!({ "reason": why.to_string(), "class": why.class(), "count": seen.count, "first": at(seen) })
            })
            .collect();
        let losses: Vec<Value> = self
            .losses()
            .iter()
            .map(|(what, lines, seen)| json!({ "reason": what, "lines": lines, "count": seen.count, "first": at(seen) }))
            .collect();
        let writers: Vec<Value> = self
            .account
            .writers()
            .into_iter()
            .map(|(name, count, _)| json!({ "writer": json::bytes(name), "count": count }))
            .collect();
        let mut document = json::head("fwstat.check/1", self.head);
        document.insert("reasons".to_owned(), json!(reasons));
        document.insert("writers".to_owned(), json!(writers));
        document.insert("losses".to_owned(), json!(losses));
        if let Some((seen, prefix)) = &self.account.unread.found {
            let unread = json!({ "count": seen.count, "first": at(seen), "example": json::bytes(prefix) });
            document.insert("unread_envelopes".to_owned(), unread);
        }
        if let Some((seen, host)) = &self.account.unread.hosts {
            let doubt = json!({ "count": seen.count, "first": at(seen), "example": json::bytes(host) });
            document.insert("doubtful_hosts".to_owned(), doubt);
        }
        if let Some((different, among, prefix)) = self.account.unread.differ() {
            let own = json!({ "different": different, "among": among, "example": json::bytes(prefix) });
            document.insert("differing_prefixes".to_owned(), own);
        }
        document
    }

    /// One row a reason, with the first place.
    fn rows(&self, delimiter: Delimiter, header: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if header {
            delimiter.line(&mut out, ["class", "count", "file", "line", "reason"]);
        }
        for (why, seen) in self.account.ranked_reasons() {
            let file = self.head.files.get(seen.first.source).map_or("-", String::as_str);
            let cells = [
                why.class().to_owned(),
                seen.count.to_string(),
                text::escape(file.as_bytes()),
                seen.first.line.to_string(),
                why.to_string(),
            ];
            delimiter.line(&mut out, cells.iter().map(String::as_str));
        }
        Some(out)
    }

    fn recap(&self, look: &RenderOptions) -> Option<String> {
        let totals = &self.account.totals;
        let unread = look.count_of(totals.other + totals.damaged, "line was", "lines were");
        let lines = look.count_of(totals.lines, "line", "lines");
        let mut words = format!("{unread} not counted of {lines}: {}", table::classes(look, totals));
        if totals.lost_at_least > 0 {
            words += &format!("; at least {} lost", look.number(totals.lost_at_least));
        }
        Some(words)
    }

    fn table(&self, look: &RenderOptions) -> String {
        let mut out = table::head(look, self.head);
        out.push_str(&self.classes(look));
        out.push_str(&self.reasons(look));
        out.push_str(&self.writers(look));
        out.push_str(&self.lost(look));
        for note in &self.head.notes {
            out.push_str(&sentence(look, DIM, note));
        }
        out
    }
}

impl Checked<'_> {
    /// The four classes of lines.
    fn classes(&self, look: &RenderOptions) -> String {
        let totals = &self.account.totals;
        let rows: Vec<Vec<String>> = [
            ("packets", totals.packets, "whole firewall records"),
            ("truncated", totals.cut, "the end is missing; the fields present are reliable"),
            ("other", totals.other, "not firewall lines"),
            ("corrupt", totals.damaged, "contain something no kernel writes; not counted"),
        ]
        .iter()
        .map(|(name, count, means)| {
            vec![(*name).to_owned(), look.number(*count), percent(*count, totals.lines), (*means).to_owned()]
        })
        .collect();
        let heads = [
            Column::text("LINES"),
            Column::number("COUNT"),
            Column::number("SHARE").styled(DIM),
            Column::text(""),
        ];
        columns(look, &heads, &rows)
    }

    /// Why lines are not whole records.
    fn reasons(&self, look: &RenderOptions) -> String {
        let reasons = self.account.ranked_reasons();
        if reasons.is_empty() {
            return String::new();
        }
        let row = |(why, seen): &(_, Seen)| {
            let why: &fwlog::pipeline::account::Why = why;
            vec![
                class_name(why.class()).to_owned(),
                look.number(seen.count),
                seen.first.in_files(&self.head.files),
                why.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = reasons.iter().map(row).collect();
        // Places are copied and reasons are read: neither is of use when it is shortened.
        let whole = Column::whole;
        let heads =
            [Column::text("CLASS"), Column::number("COUNT"), whole("FIRST AT").styled(KEY), whole("REASON")];
        format!("\n{}", columns(look, &heads, &rows))
    }

    /// Who wrote the records, if the kernel did not write all.
    fn writers(&self, look: &RenderOptions) -> String {
        const SHOWN: usize = 20;
        let all = self.account.writers();
        if all.iter().all(|(_, _, first)| first.is_none()) {
            return String::new();
        }
        let rows: Vec<Vec<String>> = all
            .iter()
            .take(SHOWN)
            .map(|(name, count, first)| {
                let at = first.map_or(String::new(), |first| first.in_files(&self.head.files));
                vec![text::escape(name), look.number(*count), at]
            })
            .collect();
        let heads =
            [Column::text("WRITTEN BY"), Column::number("COUNT"), Column::whole("FIRST AT").styled(KEY)];
        format!("\n{}", columns(look, &heads, &rows))
    }

    /// What the log says about lines that it does not have, the most first.
    fn losses(&self) -> Vec<(&'static str, u64, Seen)> {
        let losses = &self.account.losses;
        let mut all: Vec<_> = losses.iter().map(|(what, (lines, seen))| (*what, *lines, *seen)).collect();
        all.order_by_key(|(what, lines, _)| (Reverse(*lines), *what));
        all
    }

    fn lost(&self, look: &RenderOptions) -> String {
        let losses = self.losses();
        if losses.is_empty() {
            return String::new();
        }
        let mut out = format!("\n{}\n", look.paint(HEADING, "Lost before they were written, at least:"));
        for (what, lines, seen) in losses {
            let lines = look.paint(WARN, &look.count_of(lines, "line", "lines"));
            out.push_str(&format!(
                "  {lines}: {what} (first at {})\n",
                seen.first.in_files(&self.head.files)
            ));
        }
        out
    }
}
