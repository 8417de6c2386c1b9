//! Counting by each field is what `fwstat top --by` counts.

use std::collections::BTreeMap;

use fwlog::aggregate::Counts;
use fwlog::pipeline;
use fwlog::record::{Field, OwnedValue};
use fwlog::text;
use fwlog::time::clock::utc_text;

use crate::corpus::{Corpus, PARTITIONS, number, open, options, rows, runtime};

/// A key of a ranking as SQL writes it: nothing for what is missing.
fn key(value: &OwnedValue) -> String {
    match value {
        OwnedValue::True => "true".to_owned(),
        OwnedValue::Time(when) => utc_text(when.utc.div_euclid(1_000) * 1_000),
        OwnedValue::Uptime(uptime) => (uptime.seconds as f64 + f64::from(uptime.micros) / 1e6).to_string(),
        OwnedValue::Text(bytes) => text::escape(bytes),
        other => text::escape(other.to_plain().as_bytes()),
    }
}

fn as_number(text: &str) -> String {
    text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| number.to_string())
}

#[test]
fn every_field_is_counted_as_top_counts_it() {
    let corpus = Corpus::new();
    let runtime = runtime();
    let fields: Vec<Field> = Field::all().into_iter().filter(|field| field.name != "line").collect();
    let options = options(&corpus.cli(2), false);
    let make = || fields.iter().map(|field| Counts::by(vec![field.clone()])).collect::<Vec<_>>();
    let (counted, account) = pipeline::run(&options.queue, &options.plan, None, make).unwrap();
    let mut rich = 0;
    for partitions in PARTITIONS {
        let (logs, context) = open(&corpus.cli(partitions), partitions);
        for (field, counts) in fields.iter().zip(&counted) {
            let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
            for row in counts.ranked(0).rows {
                *wanted.entry(key(&row.cells[0])).or_default() += row.count;
            }
            // Unquoted: no name of a field is a word of SQL.
            let sql = format!("SELECT {0}, sum(n) FROM log GROUP BY {0}", field.name);
            let mut found: BTreeMap<String, u64> = BTreeMap::new();
            for row in runtime.block_on(rows(&context, &sql)) {
                let text = row[0].clone().unwrap_or_default();
                let text = if field.name == "uptime" { as_number(&text) } else { text };
                *found.entry(text).or_default() += row[1].as_deref().unwrap().parse::<u64>().unwrap();
            }
            let differ: Vec<_> =
                wanted.keys().chain(found.keys()).filter(|key| wanted.get(*key) != found.get(*key)).collect();
            let differ: Vec<_> = differ.iter().map(|key| (key, wanted.get(*key), found.get(*key))).collect();
            assert!(differ.is_empty(), "{} at {partitions}: key, top, SQL: {differ:?}", field.name);
            rich += usize::from(wanted.len() > 1);
        }
        assert!(logs.found().errors.is_empty());
        // No line is lost, none is there twice.
        let log = runtime.block_on(number(&context, "SELECT count(*) FROM log"));
        let rest = runtime.block_on(number(&context, "SELECT count(*) FROM rest"));
        assert_eq!(log, account.totals.packets + account.totals.cut);
        assert_eq!(rest, account.totals.other + account.totals.damaged);
        assert_eq!(log + rest, account.totals.lines);
    }
    assert!(rich > 60 * PARTITIONS.len(), "{rich}: the corpus has too few fields");
}
