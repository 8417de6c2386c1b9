//! `fwstat replay`: the rules over the log: which rule takes which line, which would remain.
//!
//! Responsible for: putting the answers together, and the words around them.
//! Must not know: how a rule is matched (`fwrules`), how lines are counted (`aggregate::replayed`).
//! Tested by: `tests/cli/replay.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use anyhow::bail;
use fwrules::{
    Chain, Compiled, Evidence, Family, Fate, FindingKind, Hook, Place, Reach, Rule, RuleId, Ruleset, Why,
    lint, unwritten,
};
use serde_json::{Map, Value, json};

use super::{Beside, Outcome, format, outcome, run, write};
use crate::analysis::replayed::{Class, Counted, Replays, Stat};
use crate::cli::{self, Format, Print};
use crate::options::{Look, Options};
use crate::report::style::{Column, DIM, HEADING, KEY, WARN, columns, percent, sentence};
use crate::report::{self, Head};
use crate::rules::{self, Rulesets};
use fwlog::pipeline::order::Writer;
use fwlog::text;
use fwlog::time::clock;

/// Runs it.
///
/// # Errors
/// An option makes no sense, a ruleset cannot be read, or the output cannot be written.
pub fn command(arguments: &cli::Replay) -> anyhow::Result<Outcome> {
    let mut common = arguments.common.clone();
    let mut paths = arguments.rules.rules.clone();
    if paths.is_empty() {
        if common.files.is_empty() {
            bail!(
                "which ruleset? `fwstat replay RULES [LOG]...`\n  \
                 RULES is what iptables-save, ip6tables-save or `nft -j list ruleset` prints"
            );
        }
        paths.push(common.files.remove(0));
    }
    let rulesets = Rulesets::read(&arguments.rules, &paths)?;
    let writer = arguments.written_by.as_deref().map(rules::ruleset).transpose()?;
    let evidence = || match &writer {
        Some(writer) => Evidence::Writer(writer),
        None if !arguments.rules.add.is_empty() => Evidence::Same,
        None => Evidence::Usual,
    };
    let make = if arguments.print.is_some() { Compiled::new } else { Compiled::with_missed };
    let compiled: Vec<Compiled<'_>> =
        rulesets.all.iter().map(|(_, rules)| make(rules, evidence(), &rulesets.local)).collect();
    if let Some(print) = arguments.print {
        return print_lines(&common, print, &rulesets, &compiled);
    }
    let options = Options::new(&common, false)?;
    let form = format(&options, Format::Table, &[Format::Table, Format::Json])?;
    let (replays, account, head) = run(&options, || Replays::new(&rulesets, &compiled, None))?;
    let replay = Replay::new(&rulesets, &replays.counted, !options.filters.is_empty());
    let mut head = head;
    head.notes.extend(replay.not_judged.iter().cloned());
    let state = replay.unknown.keys().any(|(_, of)| matches!(of, Some((_, Why::State))));
    if arguments.written_by.is_none() && arguments.rules.add.is_empty() && state {
        head.notes.push(
            "if these very rules wrote the log, --written-by RULES (the same file) settles what its lines prove".to_owned(),
        );
    }
    let bytes = match form {
        Format::Json => replay.json(&head),
        _ => {
            let look = &options.look;
            let limit = if arguments.limit == 0 { usize::MAX } else { arguments.limit };
            let text = replay.table(look, &head, &options.plan.clock, limit, options.verbose);
            text.into_bytes()
        }
    };
    write(&options, &account, &bytes)?;
    Ok(outcome(&options, &account))
}

/// The raw lines of one class, in the order of the input.
fn print_lines(
    common: &cli::Common,
    print: Print,
    rulesets: &Rulesets,
    compiled: &[Compiled<'_>],
) -> anyhow::Result<Outcome> {
    let options = Options::new(common, true)?;
    if options.format.is_some() {
        bail!("--print writes lines as they are: leave --json and --format out");
    }
    let class = match print {
        Print::Remaining => Class::Remaining,
        Print::Removed => Class::Removed,
        Print::Unknown => Class::Unknown,
    };
    let mut beside = None;
    let out: Box<dyn io::Write + Send> = match &options.output {
        _ if options.quiet => Box::new(io::sink()),
        None => Box::new(io::stdout()),
        Some(path) => {
            let file = Beside::create(path)?;
            let out = Box::new(file.try_clone()?);
            beside = Some(file);
            out
        }
    };
    let writer = Writer::new(out, options.plan.threads, Arc::clone(&options.feed.stop));
    let sink = |ticket, bytes| writer.put(ticket, bytes);
    let (replays, account, _) = run(&options, || Replays::new(rulesets, compiled, Some((class, &sink))))?;
    let printed = replays.counted.iter().flat_map(|counted| &counted.answers);
    let any = printed.into_iter().any(|(answer, _)| Class::of(&answer.fate) == class);
    drop(replays);
    writer.finish()?;
    if let Some(file) = beside {
        file.done()?;
    }
    Ok(match outcome(&options, &account) {
        Outcome::Found if !any => Outcome::Nothing,
        other => other,
    })
}

/// Which ruleset, and which of its rules.
type At = (usize, RuleId);

/// What is said of one rule.
struct Row<'r> {
    at: At,
    rule: &'r Rule,
    /// Lines that it certainly takes.
    taken: Stat,
    /// Lines that it may take.
    unknown: u64,
    /// Lines that came to it and that it would have taken with one condition changed: by the
    /// index into [`Rule::near_misses`].
    nearly: BTreeMap<u32, u64>,
}

impl Row<'_> {
    /// Whether it takes no line.
    fn is_silent(&self) -> bool {
        self.taken.lines + self.unknown == 0
    }

    /// For a rule that takes no line: what to change, the rule then, and how many lines it
    /// would take.
    fn near_misses(&self) -> Vec<(String, Rule, u64)> {
        if !self.is_silent() || self.nearly.is_empty() {
            return Vec::new();
        }
        let lines = |near: u32| self.nearly.get(&near).copied();
        let all = (0..).zip(self.rule.near_misses());
        all.filter_map(|(near, (change, rule))| Some((change, rule, lines(near)?))).collect()
    }
}

/// What a LOG rule's counter says about lines that are not in the log.
struct Loss {
    prefix: Vec<u8>,
    rules: Vec<At>,
    counted: u64,
    found: u64,
}

/// Everything that comes out.
struct Replay<'r> {
    rulesets: &'r Rulesets,
    rows: Vec<Row<'r>>,
    classes: [u64; 3],
    /// Who writes the lines that remain.
    remaining: BTreeMap<At, u64>,
    /// Who takes the lines that do not.
    removed: BTreeMap<Gone, u64>,
    unknown: BTreeMap<(usize, Option<(RuleId, Why)>), u64>,
    /// Prefixes that no rule writes.
    strangers: Vec<(Vec<u8>, Stat)>,
    findings: Vec<(&'static str, Vec<At>, String)>,
    losses: Vec<Loss>,
    /// Which rules this log can say nothing of, and why.
    not_judged: Vec<String>,
}

/// Why a line would not be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gone {
    /// This ends the packet's way first.
    By(usize, Option<Place>),
    /// The packet is an answer of the host to a packet that this rule drops.
    Unanswered(usize, RuleId),
    /// No rule writes its prefix.
    Unwritten,
}

impl<'r> Replay<'r> {
    fn new(rulesets: &'r Rulesets, counted: &[Counted], filtered: bool) -> Replay<'r> {
        let mut rows: BTreeMap<At, Row<'r>> = BTreeMap::new();
        for (n, (_, rules)) in rulesets.all.iter().enumerate() {
            for (id, rule) in rules.rules() {
                let at = (n, id);
                rows.insert(
                    at,
                    Row { at, rule, taken: Stat::default(), unknown: 0, nearly: BTreeMap::new() },
                );
            }
        }
        let mut replay = Replay {
            rulesets,
            rows: Vec::new(),
            classes: [0; 3],
            remaining: BTreeMap::new(),
            removed: BTreeMap::new(),
            unknown: BTreeMap::new(),
            strangers: Vec::new(),
            findings: Vec::new(),
            losses: Vec::new(),
            not_judged: Vec::new(),
        };
        for (n, counted) in counted.iter().enumerate() {
            for (answer, stat) in &counted.answers {
                replay.classes[Class::of(&answer.fate) as usize] += stat.lines;
                let gone = |gone| (gone, stat.lines);
                let (gone, lines) = match answer.fate {
                    Fate::Remains(id) => {
                        *replay.remaining.entry((n, id)).or_default() += stat.lines;
                        (None, 0)
                    }
                    Fate::Unknown(id, why) => {
                        *replay.unknown.entry((n, Some((id, why)))).or_default() += stat.lines;
                        (None, 0)
                    }
                    Fate::Removed(place) => gone(Some(Gone::By(n, place))),
                    Fate::Unanswered(id) => gone(Some(Gone::Unanswered(n, id))),
                    Fate::Unwritten => gone(Some(Gone::Unwritten)),
                    _ => {
                        *replay.unknown.entry((n, None)).or_default() += stat.lines;
                        (None, 0)
                    }
                };
                if let Some(gone) = gone {
                    *replay.removed.entry(gone).or_default() += lines;
                }
                for (id, reach) in &answer.outcome.taken {
                    let Some(row) = rows.get_mut(&(n, *id)) else { continue };
                    match reach {
                        Reach::Certain => row.taken.merge(stat),
                        Reach::Possible => row.unknown += stat.lines,
                    }
                }
                for (id, near) in &answer.missed.nearly {
                    if let Some(row) = rows.get_mut(&(n, *id)) {
                        *row.nearly.entry(*near).or_default() += stat.lines;
                    }
                }
            }
        }
        replay.rows = rows.into_values().collect();
        replay.strangers(counted);
        replay.not_judged = replay.not_judged(counted);
        for (n, (_, rules)) in rulesets.all.iter().enumerate() {
            replay.lint(n, rules);
            replay.shadowed(n, &counted[n]);
            if !filtered {
                replay.losses(n, rules, &counted[n]);
            }
        }
        replay
    }

    /// Prefixes in the log that no rule writes.
    fn strangers(&mut self, counted: &[Counted]) {
        let mut all: BTreeMap<&[u8], Stat> = BTreeMap::new();
        for ((_, rules), counted) in self.rulesets.all.iter().zip(counted) {
            let prefixes = counted.prefixes.keys().map(Vec::as_slice);
            for prefix in unwritten(rules, prefixes) {
                if let Some(stat) = counted.prefixes.get(prefix) {
                    all.entry(prefix).or_default().merge(stat);
                }
            }
        }
        self.strangers = all.into_iter().map(|(prefix, stat)| (prefix.to_vec(), stat)).collect();
        self.strangers.sort_by(|a, b| b.1.lines.cmp(&a.1.lines).then_with(|| a.0.cmp(&b.0)));
    }

    /// What the rules' own text shows to be wrong.
    fn lint(&mut self, n: usize, rules: &Ruleset) {
        for finding in lint(rules) {
            let ids = finding.rule.into_iter().chain(finding.others).map(|id| (n, id)).collect();
            self.findings.push((kind(finding.kind), ids, finding.message));
        }
    }

    /// Rules that take nothing in this log because others take their lines first.
    fn shadowed(&mut self, n: usize, counted: &Counted) {
        let silent: BTreeSet<RuleId> =
            self.rows.iter().filter(|row| row.at.0 == n && row.is_silent()).map(|row| row.at.1).collect();
        // Who ends the way of the lines that each of them fits, and of how many.
        let mut takers: BTreeMap<RuleId, BTreeMap<Place, u64>> = BTreeMap::new();
        for (answer, stat) in &counted.answers {
            for (id, end) in answer.missed.behind.iter().filter(|(id, _)| silent.contains(id)) {
                // What is dropped never leaves: nobody means rules for leaving packets to take it.
                if self.only_leaving(n, *id) {
                    continue;
                }
                *takers.entry(*id).or_default().entry(*end).or_default() += stat.lines;
            }
        }
        for (id, by) in takers {
            let lines: u64 = by.values().sum();
            let Some((Place::Rule(first), most)) = ranked(&by).first().map(|(end, lines)| (**end, *lines))
            else {
                continue;
            };
            // What the text alone shows is said already.
            if self.findings.iter().any(|(_, ids, _)| ids.first() == Some(&(n, id))) {
                continue;
            }
            let rest = if most == lines { String::new() } else { format!(" ({most} of them)") };
            let (noun, whose) = if lines == 1 { ("line", "its") } else { ("lines", "their") };
            let message = format!(
                "{} fits {lines} {noun} of this log but takes none: {} ends {whose} way first{rest}",
                self.rulesets.all[n].1.name(id),
                self.rulesets.all[n].1.name(first),
            );
            self.findings.push(("shadowed_in_this_log", vec![(n, id), (n, first)], message));
        }
    }

    /// Whether the rule stands in a built-in chain for packets that are about to leave.
    fn only_leaving(&self, n: usize, id: RuleId) -> bool {
        let base = self.rulesets.all[n].1.chain_of(id).and_then(|chain| chain.base);
        base.is_some_and(|base| base.hook == Some(Hook::Postrouting))
    }

    /// Which rules this log can say nothing of, and why.
    fn not_judged(&self, counted: &[Counted]) -> Vec<String> {
        let mut notes = Vec::new();
        for (n, (_, rules)) in self.rulesets.all.iter().enumerate() {
            let middles: BTreeSet<Hook> =
                counted[n].answers.keys().filter_map(|answer| answer.path.map(fwrules::Path::hook)).collect();
            let mut silent: BTreeMap<Hook, Vec<String>> = BTreeMap::new();
            for table in &rules.tables {
                let rules_in = |chain: &Chain| !chain.rules.is_empty();
                let shown = text::escape(table.name.as_bytes());
                if table.family == Family::Other && table.chains.iter().any(rules_in) {
                    let what = "sees no IP packets as lines show them: its rules are not asked";
                    notes.push(self.in_family(n, format!("table {shown} {what}")));
                    continue;
                }
                let bases = || {
                    table
                        .chains
                        .iter()
                        .filter(|chain| rules_in(chain))
                        .filter_map(|chain| Some((chain, chain.base?)))
                };
                if bases().any(|(_, base)| base.nat) {
                    let what = "is asked about a connection's first packet only, and no line says which that \
                        is: its rules that take no line may well be in use";
                    notes.push(self.in_family(n, format!("table {shown} {what}")));
                }
                for (chain, base) in bases().filter(|(_, base)| !base.nat) {
                    if let Some(hook @ (Hook::Input | Hook::Forward | Hook::Output)) = base.hook
                        && !middles.contains(&hook)
                        && !middles.is_empty()
                    {
                        let name = match table.name == "filter" {
                            true => text::escape(chain.name.as_bytes()),
                            false => format!("{shown} {}", text::escape(chain.name.as_bytes())),
                        };
                        silent.entry(hook).or_default().push(name);
                    }
                }
            }
            for (hook, chains) in silent {
                let packets = match hook {
                    Hook::Input => "for this host",
                    Hook::Output => "from this host",
                    _ => "passing through",
                };
                let what = format!("no line of this log is of a packet {packets}: it says nothing of");
                notes.push(self.in_family(n, format!("{what} {}", chains.join(", "))));
            }
        }
        notes
    }

    /// Lines that LOG rules counted and the log does not have.
    fn losses(&mut self, n: usize, rules: &Ruleset, counted: &Counted) {
        let mut written: BTreeMap<&[u8], Vec<RuleId>> = BTreeMap::new();
        for (id, rule) in rules.rules() {
            if let Some(log) = rule.log.as_ref().filter(|log| log.nflog.is_none()) {
                written.entry(log.written(rules.nft)).or_default().push(id);
            }
        }
        for (prefix, ids) in written {
            let counters: Option<Vec<u64>> =
                ids.iter().map(|id| Some(rules.rule(*id)?.counters?.packets)).collect();
            let Some(counters) = counters else { continue };
            self.losses.push(Loss {
                prefix: prefix.to_vec(),
                rules: ids.into_iter().map(|id| (n, id)).collect(),
                counted: counters.iter().sum(),
                found: counted.prefixes.get(prefix).map_or(0, |stat| stat.lines),
            });
        }
        // A file without counters, or counters that were all set to zero, say nothing.
        if self.losses.iter().all(|loss| loss.counted == 0) {
            self.losses.clear();
        }
    }

    fn name(&self, (n, id): At) -> String {
        self.in_family(n, self.rulesets.all[n].1.name(id))
    }

    /// A name with its family, where there is more than one ruleset.
    fn in_family(&self, n: usize, name: String) -> String {
        match self.rulesets.all.len() {
            1 => name,
            _ => match self.rulesets.all[n].1.family() {
                fwrules::Family::Ipv6 => format!("6: {name}"),
                fwrules::Family::Ipv4 => format!("4: {name}"),
                _ => name,
            },
        }
    }

    fn place(&self, n: usize, place: Option<Place>) -> String {
        match place {
            Some(place) => self.in_family(n, self.rulesets.all[n].1.place(place)),
            None => "several rules, by what the line does not tell".to_owned(),
        }
    }

    /// Whose answer is unknown and why, in words.
    fn because(&self, n: usize, of: Option<(RuleId, Why)>) -> (String, String) {
        match of {
            Some((id, why)) => (self.name((n, id)), why.to_string()),
            None => {
                let seen: BTreeSet<&str> =
                    self.rulesets.all.iter().map(|(_, rules)| rules::family_name(rules.family())).collect();
                let seen = seen.into_iter().collect::<Vec<_>>().join(" and ");
                ("-".to_owned(), format!("no chain of these rules (for {seen}) sees such a packet"))
            }
        }
    }

    fn json(&self, head: &Head) -> Vec<u8> {
        let mut document = report::json::head("fwstat.replay/1", head);
        let mut put = |key: &str, value: Value| document.insert(key.to_owned(), value);
        put("remaining", json!(self.classes[0]));
        put("removed", json!(self.classes[1]));
        put("unknown", json!(self.classes[2]));
        put("rules", self.rows.iter().map(|row| self.json_row(row)).collect());
        put(
            "remaining_by",
            self.remaining.iter().map(|(at, n)| json!({"rule": self.name(*at), "lines": n})).collect(),
        );
        let by = |(gone, lines): (&Gone, &u64)| match gone {
            Gone::By(n, place) => json!({"why": "taken", "by": self.place(*n, *place), "lines": lines}),
            Gone::Unanswered(n, id) => {
                json!({"why": "unanswered", "by": self.name((*n, *id)), "lines": lines})
            }
            Gone::Unwritten => json!({"why": "unwritten", "by": Value::Null, "lines": lines}),
        };
        put("removed_by", self.removed.iter().map(by).collect());
        let unknown = self.unknown.iter().map(|((n, of), lines)| {
            let (rule, why) = self.because(*n, *of);
            json!({"rule": of.map(|_| rule), "why": why, "lines": lines})
        });
        put("unknown_by", unknown.collect());
        let strangers = self.strangers.iter().map(|(prefix, stat)| {
            let mut object = Map::new();
            object.insert("prefix".to_owned(), report::json::bytes(prefix.trim_ascii_end()));
            object.insert("lines".to_owned(), json!(stat.lines));
            seen(&mut object, stat);
            Value::Object(object)
        });
        put("unwritten", strangers.collect());
        let findings = self.findings.iter().map(|(kind, ids, message)| {
            let names: Vec<String> = ids.iter().map(|at| self.name(*at)).collect();
            json!({"kind": kind, "rules": names, "message": message})
        });
        put("findings", findings.collect());
        put("not_judged", json!(self.not_judged));
        let lost = self.losses.iter().map(|loss| {
            let names: Vec<String> = loss.rules.iter().map(|at| self.name(*at)).collect();
            json!({
                "prefix": report::json::bytes(loss.prefix.trim_ascii_end()), "rules": names,
                "packets": loss.counted, "lines": loss.found,
                "lost": loss.counted.saturating_sub(loss.found),
            })
        });
        put("lost", lost.collect());
        report::json::print(&Value::Object(document))
    }

    fn json_row(&self, row: &Row<'_>) -> Value {
        let (n, id) = row.at;
        let rules = &self.rulesets.all[n].1;
        let chain = rules.chain_of(id).map(|chain| chain.name.as_bytes()).unwrap_or_default();
        let table = rules.tables[id.table as usize].name.as_bytes();
        let text = row.rule.to_restore(chain).unwrap_or_else(|_| row.rule.to_display().into_bytes());
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        put("table", report::json::bytes(table));
        put("chain", report::json::bytes(chain));
        put("index", json!(id.rule + 1));
        put("rule", report::json::bytes(&text));
        put("lines", json!(row.taken.lines));
        put("unknown", json!(row.unknown));
        // A LOG rule has no target of its own here: it writes, and the walk goes on.
        let target = match (&row.rule.log, row.rule.target.word()) {
            (Some(log), b"") if log.nflog.is_some() => b"NFLOG",
            (Some(_), b"") => &b"LOG"[..],
            (_, word) => word,
        };
        put("target", report::json::bytes(target));
        put("family", json!(rules::family_name(rules.family())));
        if row.rule.added {
            put("added", json!(true));
        }
        if let Some(counters) = row.rule.counters {
            put("packets", json!(counters.packets));
        }
        let near: Vec<Value> = row
            .near_misses()
            .into_iter()
            .map(|(change, rule, lines)| {
                let text = rule.to_restore(chain).unwrap_or_else(|_| rule.to_display().into_bytes());
                json!({"change": change, "rule": report::json::bytes(&text), "lines": lines})
            })
            .collect();
        if !near.is_empty() {
            object.insert("near_misses".to_owned(), json!(near));
        }
        seen(&mut object, &row.taken);
        Value::Object(object)
    }

    fn table(&self, look: &Look, head: &Head, clock: &clock::Clock, limit: usize, verbose: bool) -> String {
        let mut out = report::table::head(look, head);
        self.verdict(look, &mut out);
        self.rules_table(look, clock, limit, verbose, &mut out);
        self.silent(look, limit, &mut out);
        self.reasons(look, limit, &mut out);
        self.wrong(look, limit, &mut out);
        self.lost(look, limit, &mut out);
        out.push_str(&report::table::foot(look, head));
        out
    }

    /// The three numbers that the whole report is about.
    fn verdict(&self, look: &Look, out: &mut String) {
        let all: u64 = self.classes.iter().sum();
        let means = [
            ("remaining", "would still be written"),
            ("removed", "would not"),
            ("unknown", "depends on what the line does not tell"),
        ];
        let rows: Vec<Vec<String>> = means
            .iter()
            .zip(self.classes)
            .map(|((name, means), lines)| {
                vec![(*name).to_owned(), look.number(lines), percent(lines, all), (*means).to_owned()]
            })
            .collect();
        let heads = [
            Column::text("LINES").styled(HEADING),
            Column::number("COUNT"),
            Column::number("SHARE").styled(DIM),
            Column::text("").styled(DIM),
        ];
        out.push_str(&columns(look, &heads, &rows));
    }

    /// Rules that take lines.
    fn rules_table(&self, look: &Look, clock: &clock::Clock, limit: usize, verbose: bool, out: &mut String) {
        let taking: Vec<&Row<'_>> = self.rows.iter().filter(|row| !row.is_silent()).collect();
        if taking.is_empty() {
            return;
        }
        let wide =
            look.width.is_none_or(|width| width >= 120) && taking.iter().any(|row| row.taken.span.is_some());
        let unknown = taking.iter().any(|row| row.unknown > 0);
        let mut heads =
            vec![Column { shrinks: false, ..Column::text("RULE") }.styled(KEY), Column::number("LINES")];
        if unknown {
            heads.push(Column::number("MAYBE"));
        }
        if wide {
            heads.push(Column { shrinks: false, ..Column::text("FIRST") }.styled(DIM));
            heads.push(Column { shrinks: false, ..Column::text("LAST") }.styled(DIM));
        }
        heads.push(Column::text(""));
        let mut rows = Vec::new();
        for row in taking.iter().take(limit) {
            let mut cells = vec![self.name(row.at), look.number(row.taken.lines)];
            if unknown {
                cells.push(if row.unknown > 0 { look.number(row.unknown) } else { String::new() });
            }
            if wide {
                let local = |utc: i64| clock::local_text(clock.at(utc).local_seconds());
                let (first, last) =
                    row.taken.span.map_or_else(Default::default, |(f, l)| (local(f), local(l)));
                cells.extend([first, last]);
            }
            let new = if row.rule.added { "(new) " } else { "" };
            cells.push(format!("{new}{}", row.rule.to_display()));
            rows.push(cells);
        }
        out.push('\n');
        let table = columns(look, &heads, &rows);
        if verbose {
            let mut lines = table.lines();
            out.extend(lines.by_ref().take(usize::from(look.header)).map(|line| format!("{line}\n")));
            for (line, row) in lines.zip(&taking) {
                out.push_str(&format!("{line}\n"));
                if let Some((_, raw)) = &row.taken.sample {
                    let sample =
                        text::shorten(&text::escape(raw), look.width.unwrap_or(usize::MAX).saturating_sub(2));
                    out.push_str(&format!("  {}\n", look.paint(DIM, &sample)));
                }
            }
        } else {
            out.push_str(&table);
        }
        more(look, taking.len(), limit, "rules", out);
    }

    /// Rules that take none.
    fn silent(&self, look: &Look, limit: usize, out: &mut String) {
        let silent: Vec<&Row<'_>> = self.rows.iter().filter(|row| row.is_silent()).collect();
        if silent.is_empty() {
            return;
        }
        let counted = silent.iter().any(|row| row.rule.counters.is_some());
        let mut heads = vec![Column { shrinks: false, ..Column::text("NO LINES") }.styled(KEY)];
        if counted {
            heads.push(Column::number("PACKETS"));
        }
        heads.push(Column::text(""));
        let mut rows: Vec<Vec<String>> = Vec::new();
        for row in silent.iter().take(limit) {
            let mut cells = vec![self.name(row.at)];
            if counted {
                cells.push(row.rule.counters.map_or_else(String::new, |c| look.number(c.packets)));
            }
            cells.push(row.rule.to_display());
            rows.push(cells);
            for (change, _, lines) in row.near_misses() {
                let mut cells = vec![String::new(); heads.len()];
                let noun = if lines == 1 { "line" } else { "lines" };
                cells[heads.len() - 1] =
                    format!("  with {change} it would take {} {noun}", look.number(lines));
                rows.push(cells);
            }
        }
        out.push('\n');
        out.push_str(&columns(look, &heads, &rows));
        more(look, silent.len(), limit, "rules that take no line", out);
    }

    /// Who removes lines, and what is unknown because of what.
    fn reasons(&self, look: &Look, limit: usize, out: &mut String) {
        let removed = ranked(&self.removed).into_iter().map(|(gone, lines)| {
            let (who, how) = match gone {
                Gone::By(n, Some(place)) => {
                    (self.place(*n, Some(*place)), "ends the packet's way first".to_owned())
                }
                Gone::By(n, None) => ("-".to_owned(), self.place(*n, None)),
                Gone::Unanswered(n, id) => {
                    (self.name((*n, *id)), "drops what this host answered here".to_owned())
                }
                Gone::Unwritten => ("-".to_owned(), "no rule writes this prefix".to_owned()),
            };
            vec![who, look.number(lines), how]
        });
        section(look, "REMOVED BY", removed.collect(), limit, out);
        let unknown = ranked(&self.unknown).into_iter().map(|((n, of), lines)| {
            let (rule, why) = self.because(*n, *of);
            vec![rule, look.number(lines), why]
        });
        section(look, "UNKNOWN AT", unknown.collect(), limit, out);
        let strangers = self.strangers.iter().map(|(prefix, stat)| {
            let shown = text::escape(prefix.trim_ascii_end());
            let shown = if shown.is_empty() { "(empty)".to_owned() } else { shown };
            vec![shown, look.number(stat.lines), "in the log, but no rule writes it".to_owned()]
        });
        section(look, "PREFIX", strangers.collect(), limit, out);
    }

    fn wrong(&self, look: &Look, limit: usize, out: &mut String) {
        if self.findings.is_empty() {
            return;
        }
        out.push_str(&format!("\n{}\n", look.paint(HEADING, "Wrong with the rules:")));
        for (_, ids, message) in self.findings.iter().take(limit) {
            let family = ids.first().map_or_else(String::new, |(n, _)| self.in_family(*n, String::new()));
            out.push_str(&item(look, &format!("{family}{message}")));
        }
        more(look, self.findings.len(), limit, "findings", out);
    }

    fn lost(&self, look: &Look, limit: usize, out: &mut String) {
        if self.losses.is_empty() {
            return;
        }
        let rows: Vec<Vec<String>> = self
            .losses
            .iter()
            .take(limit)
            .map(|loss| {
                let names: Vec<String> = loss.rules.iter().map(|at| self.name(*at)).collect();
                let what = match loss.counted.checked_sub(loss.found) {
                    Some(0) => "all there".to_owned(),
                    Some(lost) => format!("{} lost", look.number(lost)),
                    None => "the log is older than the counters".to_owned(),
                };
                vec![
                    text::escape(loss.prefix.trim_ascii_end()),
                    look.number(loss.counted),
                    look.number(loss.found),
                    what,
                    names.join(", "),
                ]
            })
            .collect();
        let heads = [
            Column::text("LOG PREFIX").styled(KEY),
            Column::number("PACKETS"),
            Column::number("LINES"),
            Column { shrinks: false, ..Column::text("") },
            Column::text("WRITTEN BY").styled(DIM),
        ];
        out.push('\n');
        out.push_str(&columns(look, &heads, &rows));
        more(look, self.losses.len(), limit, "prefixes", out);
        if self.losses.iter().any(|loss| loss.counted > loss.found) {
            let words = "PACKETS are the LOG rules' counters since they were set to zero. Lines that are \
                missing were lost on their way, or this is not the whole log since then.";
            out.push_str(&sentence(look, DIM, words));
        }
    }
}

/// A map's entries, most lines first, ties by key.
fn ranked<K: Ord>(map: &BTreeMap<K, u64>) -> Vec<(&K, u64)> {
    let mut all: Vec<(&K, u64)> = map.iter().map(|(key, lines)| (key, *lines)).collect();
    all.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    all
}

/// A small table of who, how many, why.
fn section(look: &Look, title: &str, rows: Vec<Vec<String>>, limit: usize, out: &mut String) {
    if rows.is_empty() {
        return;
    }
    let heads = [Column::text(title).styled(KEY), Column::number("LINES"), Column::text("").styled(DIM)];
    out.push('\n');
    out.push_str(&columns(look, &heads, &rows[..rows.len().min(limit)]));
    more(look, rows.len(), limit, "rows", out);
}

/// Says that there is more.
fn more(look: &Look, all: usize, limit: usize, what: &str, out: &mut String) {
    if all > limit && look.header {
        let line = format!("showing {limit} of {all} {what} (-n 0 for all)");
        out.push_str(&(look.paint(DIM, &line) + "\n"));
    }
}

/// A sentence as an item of a list.
fn item(look: &Look, words: &str) -> String {
    let narrow = Look { width: look.width.map(|width| width.saturating_sub(2)), ..look.clone() };
    let text = sentence(&narrow, WARN, words);
    text.lines().enumerate().map(|(i, line)| format!("{} {line}\n", if i == 0 { '-' } else { ' ' })).collect()
}

/// When lines were seen, and one of them.
fn seen(object: &mut Map<String, Value>, stat: &Stat) {
    if let Some((first, last)) = stat.span {
        object.insert("first".to_owned(), json!(clock::utc_text(first)));
        object.insert("last".to_owned(), json!(clock::utc_text(last)));
    }
    if let Some((_, raw)) = &stat.sample {
        object.insert("sample".to_owned(), report::json::bytes(raw));
    }
}

/// The name of a kind of finding in JSON.
fn kind(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Shadowed => "shadowed",
        FindingKind::NeverComes => "never_comes",
        FindingKind::Contradiction => "contradiction",
        FindingKind::UnreachableChain => "unreachable_chain",
        FindingKind::MissingChain => "missing_chain",
        FindingKind::MisleadingPrefix => "misleading_prefix",
        FindingKind::SamePrefix => "same_prefix",
        FindingKind::PrefixCut => "prefix_cut",
        FindingKind::LoopbackHalf => "loopback_half",
        FindingKind::WrongTransport => "wrong_transport",
        _ => "other",
    }
}
