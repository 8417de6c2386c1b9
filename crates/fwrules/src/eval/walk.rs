//! A packet's path through the chains, asked for.
//!
//! Responsible for: the questions that can be put to a [`Walker`].
//! Must not know: how a walk goes, how many lines there are.
//! Tested by: the unit tests below, `tests/replay.rs` (a real kernel's fates).

use logparse::Packet;

use crate::eval::index::Index;
use crate::eval::near_miss::{NearMiss, near_misses};
use crate::eval::outcome::{Missed, Outcome, Step, Walk};
use crate::eval::run::{Beyond, NearMisses, Run};
use crate::eval::walker::Walker;
use crate::matches::Condition;
use crate::model::ruleset::Place;
use crate::values::tri::Tri;
use crate::view::{Context, View};

impl<'r> Walker<'r> {
    /// The packet's whole way, step by step.
    #[must_use]
    pub fn walk(&self, packet: &Packet<'_>, context: &Context<'_>) -> Walk {
        let mut run = Run::new(self, packet, context, None);
        run.steps = Some(Vec::new());
        run.start();
        let (steps, outcome) = run.finish();
        Walk { steps, outcome }
    }

    /// What the packet's way comes to.
    #[must_use]
    pub fn outcome(&self, packet: &Packet<'_>, context: &Context<'_>) -> Outcome {
        self.outcome_among(packet, context, None)
    }

    /// As [`outcome`](Self::outcome), asking only rules that the index finds.
    pub(crate) fn outcome_among(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        index: Option<&Index>,
    ) -> Outcome {
        let mut run = Run::new(self, packet, context, index);
        run.start();
        run.finish().1
    }

    /// The rules that did not take the packet although they nearly would have: by every change
    /// that [`Rule::near_misses`](crate::Rule::near_misses) knows (`all`), or by that of the transport protocol only.
    #[must_use]
    pub fn missed(&self, packet: &Packet<'_>, context: &Context<'_>, all: bool) -> Missed {
        let near = near_misses(self.rules, all);
        self.missed_among(packet, context, &near, None)
    }

    pub(crate) fn missed_among(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        near: &NearMisses,
        index: Option<&Index>,
    ) -> Missed {
        let mut run = Run::new(self, packet, context, index);
        run.beyond = Some(Beyond::new(near));
        run.start();
        run.beyond.map(|beyond| beyond.missed).unwrap_or_default()
    }

    /// Every condition of the rule at one step of a walk by itself, with its answer.
    #[must_use]
    pub fn conditions(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        step: &Step,
    ) -> Vec<(&'r Condition, Tri)> {
        let Place::Rule(id) = step.place else { return Vec::new() };
        let Some(rule) = self.rules.rule(id) else { return Vec::new() };
        let run = Run::new(self, packet, context, None);
        let view = View { hook: Some(step.hook), ..run.view };
        rule.tests().map(|condition| (condition, condition.evaluate(&view))).collect()
    }

    /// For a step at a rule that did not take the packet: what to change so that it would
    /// ([`Rule::near_misses`](crate::Rule::near_misses)).
    #[must_use]
    pub fn near_miss(&self, packet: &Packet<'_>, context: &Context<'_>, step: &Step) -> Option<NearMiss> {
        let Place::Rule(id) = step.place else { return None };
        let run = Run::new(self, packet, context, None);
        let view = View { hook: Some(step.hook), ..run.view };
        let mut near = self.rules.rule(id)?.near_misses().into_iter();
        near.find(|(_, rule)| rule.evaluate(&view) == Tri::Yes).map(|(change, _)| change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::evidence::Evidence;
    use crate::eval::outcome::Fate;
    use crate::model::ruleset::{RuleId, Ruleset};
    use crate::model::target::Verdict;
    use crate::values::tri::Why;

    const LINE: &[u8] =
        b"in IN=eth0 OUT= MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 \
        PROTO=TCP SPT=1 DPT=22 WINDOW=0 RES=0x00 SYN URGP=0 ";

    fn fate(rules: &str, evidence: Evidence<'_>) -> (Fate, String) {
        let rules = Ruleset::parse_save(format!("*filter\n{rules}\nCOMMIT\n").as_bytes()).unwrap();
        let entry = logparse::parse(LINE).unwrap();
        let walker = Walker::new(&rules, evidence);
        let walk = walker.walk(&entry.packet, &Context::default());
        let way = walk.steps.iter().filter(|s| s.result != Tri::No).map(|s| rules.place(s.place));
        (walker.fate(&entry.packet, &Context::default()), way.collect::<Vec<_>>().join(" -> "))
    }

    #[test]
    fn the_way_through_the_chains() {
        let rules = ":INPUT DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -p udp -j ACCEPT\n-A INPUT -p tcp -j A\n\
            -A INPUT -j LOG --log-prefix \"in \"\n-A A -g B\n-A A -j ACCEPT\n-A B -p tcp --dport 22 -j RETURN\n-A B -j DROP";
        let (fate, way) = fate(rules, Evidence::Nothing);
        assert!(matches!(fate, Fate::Remains(_)));
        assert_eq!(way, "INPUT 2 -> A 1 -> B 1 -> INPUT 3 -> INPUT policy");
    }

    #[test]
    fn an_unknown_rule_matters_only_if_its_ways_differ() {
        let with = |rule: &str| {
            format!(
                ":INPUT DROP [0:0]\n:A - [0:0]\n{rule}\n-A INPUT -j LOG --log-prefix \"in \"\n-A A -p udp -j DROP"
            )
        };
        assert!(matches!(
            fate(&with("-A INPUT -m limit --limit 1/s -j A"), Evidence::Nothing).0,
            Fate::Remains(_)
        ));
        let (unknown, _) = fate(&with("-A INPUT -m limit --limit 1/s -j DROP"), Evidence::Nothing);
        assert!(matches!(unknown, Fate::Unknown(id, Why::Rate) if id.rule == 0));
        assert!(matches!(
            fate(&with("-A INPUT -p udp -m limit --limit 1/s -j DROP"), Evidence::Nothing).0,
            Fate::Remains(_)
        ));
    }

    #[test]
    fn states_are_used_up_on_the_way() {
        let rules = ":INPUT DROP [0:0]\n-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n\
            -A INPUT -m state --state INVALID,NEW -j DROP\n-A INPUT -j LOG --log-prefix \"in \"";
        assert!(matches!(fate(rules, Evidence::Nothing).0, Fate::Removed(None)));
    }

    #[test]
    fn that_the_line_was_written_is_evidence() {
        let state = ":INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
        let log = "-A INPUT -m limit --limit 5/min -j LOG --log-prefix \"in \"";
        let plain = format!("{state}{log}");
        assert!(matches!(fate(&plain, Evidence::Nothing).0, Fate::Unknown(_, Why::State)));
        assert!(matches!(fate(&plain, Evidence::Usual).0, Fate::Remains(_)));
        // A rule that drops may be new; of the same ruleset it is known not to have dropped.
        let drops = format!("{state}-A INPUT -m conntrack --ctstate INVALID -j DROP\n{log}");
        assert!(matches!(fate(&drops, Evidence::Usual).0, Fate::Unknown(id, Why::State) if id.rule == 1));
        assert!(matches!(fate(&drops, Evidence::Same).0, Fate::Remains(_)));
        let old = Ruleset::parse_save(format!("*filter\n{plain}\nCOMMIT\n").as_bytes()).unwrap();
        assert!(matches!(fate(&drops, Evidence::Writer(&old)).0, Fate::Unknown(_, Why::State)));
        // No evidence overrules a field.
        let certain = format!("{state}-A INPUT -p tcp -j DROP\n{log}");
        assert!(matches!(fate(&certain, Evidence::Same).0, Fate::Removed(Some(_))));
    }

    #[test]
    fn one_of_several_writers_wrote_the_line() {
        let rules = ":INPUT DROP [0:0]\n-A INPUT -m limit --limit 1/s -j LOG --log-prefix \"in \"\n\
            -A INPUT -m recent --rcheck --name x -j LOG --log-prefix \"in \"";
        let old = Ruleset::parse_save(format!("*filter\n{rules}\nCOMMIT\n").as_bytes()).unwrap();
        assert!(matches!(fate(rules, Evidence::Writer(&old)).0, Fate::Remains(_)));
        assert!(matches!(fate(rules, Evidence::Nothing).0, Fate::Unknown(..)));
        // A rule that was not there then makes a difference.
        let new = rules.replacen("-A INPUT", "-A INPUT -m limit --limit 2/s -j DROP\n-A INPUT", 1);
        assert!(matches!(fate(&new, Evidence::Writer(&old)).0, Fate::Unknown(..)));
    }

    #[test]
    fn rules_of_one_verdict_in_a_row_miss_nothing() {
        let missed = |rules: &str| {
            let rules =
                Ruleset::parse_save(format!("*filter\n:INPUT DROP [0:0]\n{rules}\nCOMMIT\n").as_bytes())
                    .unwrap();
            let entry = logparse::parse(LINE).unwrap();
            Walker::new(&rules, Evidence::Nothing)
                .missed(&entry.packet, &Context::default(), true)
                .behind
                .len()
        };
        assert_eq!(missed("-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -p tcp -j DROP"), 0);
        assert_eq!(missed("-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -p tcp -j DROP"), 1);
    }

    #[test]
    fn fields_win_over_a_wrong_writer() {
        // SYN and FIN together are INVALID, and the rules that are said to have written the line
        // would have dropped it.
        let rules = ":INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
            -A INPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT -j LOG --log-prefix \"in \"";
        let rules = Ruleset::parse_save(format!("*filter\n{rules}\nCOMMIT\n").as_bytes()).unwrap();
        let line = String::from_utf8_lossy(LINE).replace("SYN URGP", "SYN FIN URGP");
        let entry = logparse::parse(line.as_bytes()).unwrap();
        for evidence in [Evidence::Writer(&rules), Evidence::Same, Evidence::Usual, Evidence::Nothing] {
            let fate = Walker::new(&rules, evidence).fate(&entry.packet, &Context::default());
            assert!(matches!(fate, Fate::Removed(Some(Place::Rule(id))) if id.rule == 1), "{fate:?}");
        }
    }

    #[test]
    fn other_prefixes_and_families() {
        assert_eq!(
            fate(":INPUT DROP [0:0]\n-A INPUT -j LOG --log-prefix \"out \"", Evidence::Usual).0,
            Fate::Unwritten
        );
        let v6 = ":INPUT DROP [0:0]\n-A INPUT -s fe80::/10 -j LOG --log-prefix \"in \"";
        assert_eq!(fate(v6, Evidence::Usual).0, Fate::OtherFamily);
    }

    #[test]
    fn lines_from_the_first_and_the_last_hook_have_several_paths() {
        let verdict = |rules: &str, line: &[u8]| {
            let rules = Ruleset::parse_save(rules.as_bytes()).unwrap();
            let entry = logparse::parse(line).unwrap();
            let walk = Walker::new(&rules, Evidence::Same).walk(&entry.packet, &Context::default());
            let unknown = |id: &RuleId| walk.outcome.unknown.iter().any(|(other, _)| other == id);
            let asked = rules.rules().filter(|(id, _)| unknown(id)).map(|(id, _)| rules.name(id));
            (walk.outcome.verdict(), asked.collect::<Vec<_>>().join(", "))
        };
        let early =
            "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j LOG --log-prefix \"in \"\nCOMMIT\n*filter\n";
        let nat = "COMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth1 -j MASQUERADE\nCOMMIT\n";
        let filter = ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n-A FORWARD -o eth1 -j ACCEPT\n";
        // Where it leaves is not known yet.
        assert_eq!(
            verdict(&format!("{early}{filter}{nat}"), LINE),
            (None, "FORWARD 1, nat POSTROUTING 1".to_owned())
        );
        let closed = filter.replace("-j ACCEPT", "-j DROP");
        assert_eq!(verdict(&format!("{early}{closed}{nat}"), LINE).0, Some(Verdict::Drop));
        // Where it came from is not known any more.
        let late = "*mangle\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j LOG --log-prefix \"in \"\nCOMMIT\n*filter\n";
        let out = b"in IN= OUT=eth0 SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 \
            PROTO=TCP SPT=1 DPT=22 WINDOW=0 RES=0x00 SYN URGP=0 ";
        let filter = ":FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n-A FORWARD -i eth1 -j ACCEPT\nCOMMIT\n";
        assert_eq!(verdict(&format!("{late}{filter}"), out), (None, "FORWARD 1".to_owned()));
    }

    #[test]
    fn chains_that_call_each_other_end() {
        let rules = ":INPUT DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j A\n-A INPUT -j LOG --log-prefix \"in \"";
        assert!(matches!(fate(rules, Evidence::Usual).0, Fate::Unknown(..)));
        // Every chain twice the one before: 2^40 ways, walked up to a bound.
        let mut deep = String::from(":INPUT DROP [0:0]\n-A INPUT -j C0\n");
        for i in 0..40 {
            deep.push_str(&format!(":C{i} - [0:0]\n"));
        }
        for i in 0..39 {
            deep.push_str(&format!("-A C{i} -j C{0}\n-A C{i} -j C{0}\n", i + 1));
        }
        assert!(matches!(fate(&deep, Evidence::Usual).0, Fate::Unwritten));
    }
}
