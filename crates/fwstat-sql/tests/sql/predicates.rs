//! Filters that the scan takes mean what they mean after it.

use std::sync::Arc;

use datafusion::datasource::MemTable;

use crate::corpus::{Corpus, batches, open, rows, runtime};

/// Random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn throw<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of[(self.0 >> 33) as usize % of.len()]
    }

    /// A comparison of a column.
    fn atom(&mut self) -> String {
        let front = self.throw(&["prefix", "in", "out"]);
        let text =
            self.throw(&["tcp.in.dropped", "eth0", "eth9", "", "UPPER", "j1", "a''b%c_d", "ens3", "nothing"]);
        let moment = self.throw(&["2025-12-31 23:30:00", "2026-01-01T00:00:00Z", "2026-03-02", "1999-01-01"]);
        let compare = self.throw(&["=", "<>", "<", ">=", "IS DISTINCT FROM"]);
        let order = self.throw(&["<", "<=", ">", ">=", "="]);
        match self.throw(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]) {
            "a" => format!("{front} {compare} '{text}'"),
            "b" => format!(
                "{front} LIKE '{}'",
                self.throw(&["tcp%", "%foreign", "%\\_%", "e_h_", "%", "", "U%R"])
            ),
            "c" => format!("{front} IN ('{text}', 'eth1', NULL)"),
            "d" => format!("{front} NOT IN ('{text}', 'wg0')"),
            "e" => format!("{front} ~ '{}'", self.throw(&["^tcp\\.", "[0-9]$", "^$", "drop|fore"])),
            "f" => format!("{front} IS {} NULL", self.throw(&["", "NOT"])),
            "g" => format!("time {order} '{moment}'"),
            "h" => format!("time BETWEEN '2025-12-31' AND '{moment}'"),
            "i" => format!("dpt {order} {}", self.throw(&["22", "80", "1024"])),
            "j" => format!("upper({front}) = upper('{text}') OR prefix = in"),
            _ => format!("length(coalesce({front}, 'x')) > {}", self.throw(&["0", "1", "4", "13"])),
        }
    }

    fn predicate(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.atom();
        }
        let (one, other) = (self.predicate(depth - 1), self.predicate(depth - 1));
        match self.throw(&["and", "and", "or", "not", "one"]) {
            "and" => format!("({one}) AND ({other})"),
            "or" => format!("({one}) OR ({other})"),
            "not" => format!("NOT ({one}) AND ({other})"),
            _ => one,
        }
    }
}

#[test]
fn filters_of_the_scan_are_those_behind_it() {
    let corpus = Corpus::new();
    let runtime = runtime();
    let (_, context) = open(&corpus.cli(3), 3);
    // The same rows, in a table that takes no filters.
    let all = runtime.block_on(batches(&context, "SELECT * FROM log"));
    let table = MemTable::try_new(all[0].schema(), vec![all]).unwrap();
    context.register_table("kept", Arc::new(table)).unwrap();
    let mut dice = Dice(20);
    let (mut taken, mut some) = (0, 0);
    for _ in 0..200 {
        let predicate = dice.predicate(2);
        let ask = |table: &str| {
            format!("SELECT count(*), sum(n), min(src), max(time) FROM {table} WHERE {predicate}")
        };
        let pushed = runtime.block_on(rows(&context, &ask("log")));
        let kept = runtime.block_on(rows(&context, &ask("kept")));
        assert_eq!(pushed, kept, "{predicate}");
        some += usize::from(kept[0][0].as_deref() != Some("0"));
        let plan = runtime.block_on(rows(&context, &format!("EXPLAIN FORMAT INDENT {}", ask("log"))));
        taken +=
            usize::from(plan.iter().any(|row| row[1].as_deref().is_some_and(|text| text.contains("front="))));
    }
    assert!(taken > 50, "{taken} of 200 had a part that the scan takes");
    assert!((40..200).contains(&some), "{some} of 200 passed rows");
}
