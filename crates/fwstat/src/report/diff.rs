//! `fwstat diff` on paper: a table of changes for each kind of thing.
//!
//! Responsible for: the rows of changes in each form.
//! Must not know: how changes are told from chance (`analysis::diff`).
//! Tested by: `tests/cli/diff.rs`.

use serde_json::{Map, Value, json};

use super::csv::Delimiter;
use super::style::{self, Column, DIM, HEADING, KEY, RenderOptions, cell};
use super::{Head, Report, csv, json, markdown, scans, table};
use crate::analysis::diff::{Change, RISK, Row, Table};
use crate::analysis::scans::Shown;
use fwlog::text;
use fwlog::time::clock::{Clock, local_text, offset_text};

/// Two periods, and what changed.
pub struct Diff<'c> {
    /// What was read of each.
    pub heads: [Head; 2],
    /// The zone of the report.
    pub clock: &'c Clock,
    /// Seconds of a slice of time.
    pub slice: i64,
    /// Sources, networks, ports, prefixes, near hits.
    pub tables: Vec<Table>,
    /// Campaigns that began after the first period, if both sides have what they are found in.
    pub campaigns: Option<Shown>,
    /// Rows of a table, at most; 0 for all.
    pub limit: usize,
}

impl Diff<'_> {
    fn rows_of<'t>(&self, table: &'t Table) -> &'t [Row] {
        let most = if self.limit == 0 { table.rows.len() } else { self.limit.min(table.rows.len()) };
        &table.rows[..most]
    }

    /// Seconds that a period is long.
    fn seconds(head: &Head) -> i64 {
        head.span.map_or(1, |(first, last)| (last.local_seconds() - first.local_seconds()).max(1))
    }

    /// A slice's beginning for people: its day, or its hour.
    fn moment(&self, start: i64) -> String {
        let text = local_text(start);
        if self.slice % 86_400 == 0 { text[..10].to_owned() } else { text[..16].to_owned() }
    }

    /// How often it came beside how often it would have come if nothing had changed.
    fn times(&self, row: &Row) -> String {
        let [before, after] = &self.heads;
        let (was, is) = (
            row.before as f64 / Self::seconds(before) as f64,
            row.after as f64 / Self::seconds(after) as f64,
        );
        match row.change {
            Change::New | Change::Gone => String::new(),
            _ if is / was >= 9.95 => format!("×{:.0}", is / was),
            _ => format!("×{:.2}", is / was),
        }
    }

    /// What was read of a period.
    fn period(look: &RenderOptions, name: &str, head: &Head) -> String {
        let files: Vec<String> = head.files.iter().map(|file| text::escape(file.as_bytes())).collect();
        let span = head.span.map_or_else(String::new, |(first, last)| {
            format!(", {} to {}", local_text(first.local_seconds()), local_text(last.local_seconds()))
        });
        let packets = look.count_of(head.totals.matched, "packet", "packets");
        style::sentence(look, DIM, &format!("{name}: {}: {packets}{span}", files.join(", ")))
    }

    fn section(&self, look: &RenderOptions, table: &Table) -> String {
        let rows = self.rows_of(table);
        let mut out = String::new();
        let changed = table.rows.len() as u64;
        let mut line = match changed {
            0 => format!("{}: no change", table.of),
            _ => format!("{}: {} changed", table.of, look.number(changed)),
        };
        if rows.len() < table.rows.len() {
            line += &format!(", the first {} are shown", look.number(rows.len() as u64));
        }
        out.push_str(&style::sentence(look, HEADING, &line));
        if !rows.is_empty() {
            let mut columns = vec![Column::text("CHANGE")];
            columns.extend(table.by.iter().map(|name| Column::whole(&name.to_uppercase()).styled(KEY)));
            columns.extend([Column::number("BEFORE"), Column::number("AFTER"), Column::number("RATE")]);
            columns.extend([Column::whole("FIRST SEEN"), Column::whole("LAST SEEN")]);
            let cells: Vec<Vec<String>> = rows
                .iter()
                .map(|row| {
                    let mut cells = vec![row.change.word().to_owned()];
                    cells.extend(row.cells.iter().map(cell));
                    cells.extend([look.number(row.before), look.number(row.after), self.times(row)]);
                    cells.extend([self.moment(row.seen.0), self.moment(row.seen.1)]);
                    cells
                })
                .collect();
            out.push_str(&style::painted(look, &columns, &cells, &|_, _| None));
        }
        if look.header {
            let [all, came, went] =
                [table.keys.0, table.keys.1, table.keys.2].map(|count| look.number(count));
            let line = format!("of {all}, of which {came} came only after, {went} only before");
            out.push_str(&style::sentence(look, DIM, &line));
        }
        out
    }

    /// Campaigns that began after the first period.
    fn new_campaigns(&self, look: &RenderOptions, campaigns: &Shown) -> String {
        let (all, shown) = (campaigns.all as u64, campaigns.list.len() as u64);
        let mut line = match all {
            0 => "scans: no new campaign".to_owned(),
            _ => format!("scans: {}", look.count_of(all, "new campaign", "new campaigns")),
        };
        if shown < all {
            line += &format!(", the newest {} are shown", look.number(shown));
        }
        style::sentence(look, HEADING, &line) + &scans::rows(look, self.clock, &campaigns.list)
    }

    fn cells(table: &Table, row: &Row) -> [String; 6] {
        let key: Vec<String> = row.cells.iter().map(csv::value).collect();
        [
            table.of.to_owned(),
            row.change.word().to_owned(),
            table.by.join(","),
            key.join(" "),
            row.before.to_string(),
            row.after.to_string(),
        ]
    }

    /// A slice's beginning for programs.
    fn time(&self, start: i64) -> String {
        offset_text(self.clock.at_local(start))
    }
}

impl Report for Diff<'_> {
    fn json(&self) -> Map<String, Value> {
        let mut documents = self.heads.iter().map(|head| {
            let mut own = json::head("fwstat.diff/1", head);
            own.shift_remove("schema");
            own.shift_remove("filters");
            Value::Object(own)
        });
        let row = |table: &Table, row: &Row| {
            let mut object = Map::new();
            object.insert("change".to_owned(), json!(row.change.word()));
            for (name, value) in table.by.iter().zip(&row.cells) {
                object.insert(name.clone(), json::cell(value));
            }
            object.insert("before".to_owned(), json!(row.before));
            object.insert("after".to_owned(), json!(row.after));
            let log10 = row.ln_chance / std::f64::consts::LN_10;
            object.insert("log10_p".to_owned(), json!((log10 * 100.0).round() / 100.0));
            object.insert("first_seen".to_owned(), json!(self.time(row.seen.0)));
            object.insert("last_seen".to_owned(), json!(self.time(row.seen.1)));
            Value::Object(object)
        };
        let table = |table: &Table| {
            let (all, came, went) = table.keys;
            json!({
                "of": table.of,
                "by": table.by,
                "keys": all,
                "only_after": came,
                "only_before": went,
                "spread": (table.spread * 1_000.0).round() / 1_000.0,
                "changed": table.rows.len(),
                "rows": self.rows_of(table).iter().map(|found| row(table, found)).collect::<Vec<_>>(),
            })
        };
        let mut document = Map::new();
        document.insert("schema".to_owned(), json!("fwstat.diff/1"));
        document.insert("before".to_owned(), documents.next().unwrap_or_default());
        document.insert("after".to_owned(), documents.next().unwrap_or_default());
        document.insert("filters".to_owned(), Value::Object(self.heads[1].filters.clone()));
        document.insert("slice_seconds".to_owned(), json!(self.slice));
        document.insert("risk".to_owned(), json!(RISK));
        document.insert("tables".to_owned(), self.tables.iter().map(table).collect());
        if let Some(campaigns) = &self.campaigns {
            let list: Vec<Value> =
                campaigns.list.iter().map(|campaign| Value::Object(scans::object(campaign))).collect();
            document.insert("new_campaigns".to_owned(), json!({ "count": campaigns.all, "rows": list }));
        }
        document
    }

    fn table(&self, look: &RenderOptions) -> String {
        let mut out = String::new();
        if look.header {
            for (name, head) in ["before", "after"].into_iter().zip(&self.heads) {
                out.push_str(&Self::period(look, name, head));
            }
            out.push('\n');
        }
        let mut sections: Vec<String> = self.tables.iter().map(|table| self.section(look, table)).collect();
        sections.extend(self.campaigns.iter().map(|campaigns| self.new_campaigns(look, campaigns)));
        out.push_str(&sections.join("\n"));
        if look.header && !self.tables.is_empty() {
            let test = format!(
                "\nA change is told if counts differ by more than chance: a binomial test of the two counts by the lengths of \
                 the periods, with the spread of the counts of the first one, at {RISK} for each table (Holm)."
            );
            out.push_str(&style::sentence(look, DIM, &test));
        }
        out + &table::foot(look, &self.heads[1])
    }

    fn recap(&self, _look: &RenderOptions) -> Option<String> {
        let changed = self.tables.iter().map(|table| format!("{} {}", table.rows.len(), table.of));
        Some(format!("changed: {}", changed.collect::<Vec<_>>().join(", ")))
    }

    fn rows(&self, delimiter: Delimiter, header: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if header {
            let names =
                ["of", "change", "by", "key", "before", "after", "log10_p", "first_seen", "last_seen"];
            delimiter.line(&mut out, names);
        }
        for table in &self.tables {
            for row in self.rows_of(table) {
                let log10 = row.ln_chance / std::f64::consts::LN_10;
                let more = [format!("{log10:.2}"), self.time(row.seen.0), self.time(row.seen.1)];
                let cells = Self::cells(table, row);
                delimiter.line(&mut out, cells.iter().chain(&more).map(String::as_str));
            }
        }
        Some(out)
    }

    fn markdown(&self) -> Option<String> {
        let names = [
            ("of", false),
            ("change", false),
            ("by", false),
            ("key", false),
            ("before", true),
            ("after", true),
        ];
        let rows: Vec<Vec<String>> = self
            .tables
            .iter()
            .flat_map(|table| self.rows_of(table).iter().map(|row| Self::cells(table, row).to_vec()))
            .collect();
        Some(markdown::table(&names, &rows))
    }
}
