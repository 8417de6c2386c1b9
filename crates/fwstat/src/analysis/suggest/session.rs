//! One run of `suggest`: what is known before, and the steps between the passes over the log.
//!
//! Responsible for: the order of the steps. A pass itself is run by whoever calls.
//! Must not know: options, files, how the suggestion is written.
//! Tested by: `tests/cli/suggest.rs`.

use fwlog::sorting::InOrder as _;
use std::collections::BTreeMap;
use std::net::IpAddr;

use fwrules::{Context, Family, Hook, Net, Rule, Ruleset, Sets, Verdict, Walker};

use super::candidate::Reason;
use super::chain::{self, Proposal};
use super::evidence::{Asked, Evidence};
use super::proof::{Case, Proof, Proved, Prover, Taken};
use super::scanners::{Fates, Found, Suspects};
use super::signals::{Signals, is_kept};
use super::site::{Judge, Site, of_family};
use super::suggestion::{Rated, Refused, Suggestion};
use super::view::View;
use super::{Advice, advise, exceptions, fitting, honeypot, watch, wrong_protocol};
use crate::analysis::noise::address::{Nets, address, net_name};
use crate::analysis::noise::let_in::LetIn;
use crate::analysis::noise::pattern::Pattern;
use crate::analysis::noise::place::{Place, friends};
use crate::analysis::noise::survey::Surveyed;
use crate::rules::manager::{Manager, has_docker};

/// What the user said.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `--trusted`.
    pub trusted: Vec<Net>,
    /// `--keep`.
    pub keep: Vec<Vec<u8>>,
    /// `--chain`.
    pub chain: String,
    /// `--max-rules`.
    pub most: usize,
    /// `--honeypot`.
    pub honeypot: Option<(IpAddr, Option<u16>)>,
}

/// What is known before the log is read.
#[derive(Clone, Debug)]
pub struct Session {
    /// What the user said.
    pub settings: Settings,
    /// The trusted networks, to be asked.
    pub trusted: Nets,
    /// The rulesets, `[IPv4, IPv6]`, and what stands for them where they do not write a line.
    pub sites: [Site; 2],
    plain: [Site; 2],
    let_in: Vec<Pattern>,
    /// INPUT lets in what no rule refuses; `[IPv4, IPv6]`.
    open: [bool; 2],
    unread: bool,
}

/// What was concluded from the first pass, before the proof.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The rules.
    pub advice: Advice,
    /// What the proof asks.
    pub signals: Signals,
    watched: watch::Watched,
    /// Sources that may scan: the pass of the proof keeps what they ask for.
    pub suspects: Suspects,
    fates: Fates,
    /// Which suspects scan, once it is known.
    pub found: Found,
    dead: Vec<wrong_protocol::Dead>,
    going: Vec<(String, u64)>,
    honeypot: Vec<honeypot::Command>,
    /// Prefixes of near hits, for programs that ban.
    pub near_prefixes: Vec<Vec<u8>>,
    notes: Vec<String>,
}

impl Draft {
    /// Whether a rule against networks that scan is about such as do.
    fn holds(&self, rule: &Proposal) -> bool {
        rule.reason != Some(Reason::Scanner) || rule.pattern.source.iter().all(|net| self.found.has(net))
    }
}

impl Session {
    /// Without rulesets.
    #[must_use]
    pub fn new(settings: Settings) -> Session {
        let chain = settings.chain.as_bytes();
        let sites = [Site::assumed(chain, false), Site::assumed(chain, true)];
        let plain = sites.clone();
        let trusted = Nets::new(&settings.trusted);
        Session { trusted, sites, plain, let_in: Vec::new(), open: [false; 2], unread: false, settings }
    }

    /// Takes a ruleset.
    ///
    /// # Errors
    /// It has no INPUT chain, or rules for the same packets were given before.
    pub fn learn(&mut self, rules: &Ruleset) -> Result<(), String> {
        let chain = self.settings.chain.as_bytes();
        let families: &[bool] = match rules.family() {
            Family::Ipv6 => &[true],
            Family::Inet => &[false, true],
            _ => &[false],
        };
        for v6 in families {
            let site = Site::new(of_family(rules, *v6), chain, *v6)?;
            let place = &mut self.sites[usize::from(*v6)];
            if !place.assumed {
                return Err(
                    "rules for the same packets were given before: one ruleset of each family".to_owned()
                );
            }
            *place = site;
            let LetIn { patterns, unread } = LetIn::of(rules, chain, *v6);
            let all = Pattern { v6: *v6, hook: Some(Hook::Input), ..Pattern::default() };
            self.open[usize::from(*v6)] = patterns.contains(&all);
            self.let_in.extend(patterns);
            self.unread |= unread;
        }
        Ok(())
    }

    /// Whether the ruleset for an address is nft's.
    fn beside(&self, addr: IpAddr) -> bool {
        self.sites[usize::from(addr.is_ipv6())].rules.nft
    }

    /// Whether the rulesets of IPv4 and of IPv6 are nft's.
    #[must_use]
    pub fn nft(&self) -> [bool; 2] {
        [0, 1].map(|family| self.sites[family].rules.nft)
    }

    /// The family whose ruleset is known, if it is only one.
    #[must_use]
    pub fn only_family(&self) -> Option<bool> {
        match [self.sites[0].assumed, self.sites[1].assumed] {
            [false, true] => Some(false),
            [true, false] => Some(true),
            _ => None,
        }
    }

    /// The same with rules for new connections that are forwarded, where those make up a part of the log
    /// and do not come to the chain, and with its jump where this log needs it; `None`: as it is.
    #[must_use]
    pub fn forwarding(&self, log: &Surveyed) -> Option<Session> {
        fitting::fitted(&self.sites, log).map(|sites| Session { sites, ..self.clone() })
    }

    fn asked(&self) -> Asked {
        let of = |f: fn(&Site) -> bool| [f(&self.sites[0]), f(&self.sites[1])];
        Asked {
            known: of(|site| !site.assumed),
            answers_pass: of(|site| site.answers_pass),
            forwards: of(|site| site.elsewhere.contains(&Hook::Forward)),
        }
    }

    /// Where the rules of a family are asked.
    #[must_use]
    pub fn hooks(&self, v6: bool) -> Vec<&'static str> {
        let site = &self.sites[usize::from(v6)];
        [Hook::Input].iter().chain(&site.elsewhere).map(|hook| hook.chain()).collect()
    }

    /// What follows from the first pass.
    #[must_use]
    pub fn draft(&self, log: &Surveyed) -> Draft {
        let asked = self.asked();
        let place = Place::new(log, &self.settings.trusted, &self.let_in);
        let keep = &self.settings.keep;
        let kept = log.of_prefixes(|prefix| is_kept(keep, prefix));
        let mut exceptions = exceptions::find(log, &place, &self.let_in, asked, &kept);
        if self.unread {
            exceptions.extend([false, true].map(|v6| Pattern { v6, ..Pattern::default() }));
        }
        let advice = advise(log, &place, exceptions, asked, self.settings.most);
        let evidence = Evidence::new(log, &place, &advice.exceptions, asked);
        let known: Vec<Net> = self.settings.trusted.iter().copied().chain(friends(&self.let_in)).collect();
        let watched = watch::find(&evidence, &advice.chain, &Nets::new(&known));
        let dropped = advice.candidates.scanners.iter().map(|(net, _)| *net).collect();
        let suspects = Suspects::of(log, dropped);
        let fates = Fates::of(&evidence, &suspects, &advice.chain);
        let honeypot = match self.settings.honeypot {
            Some(to) if self.beside(to.0) => Vec::new(),
            Some(to) => honeypot::commands(&place, &near_ports(log, &advice), to),
            None => Vec::new(),
        };
        let mut notes = self.notes(log, &advice, &place);
        for (open, family) in self.open.into_iter().zip(["IPv4", "IPv6"]) {
            if open {
                notes.push(format!(
                    "{family}: INPUT lets in what no rule refuses, so what the log shows is accepted today, and nothing is \
                     known to be unwanted: end INPUT with a DROP first"
                ));
            }
        }
        if self.settings.honeypot.is_some_and(|to| self.beside(to.0)) {
            notes.push(
                "No commands for the honeypot: the ruleset is nft's, and only iptables' are known".to_owned(),
            );
        }
        let decided = advice.chain.rules.iter();
        let decided = decided.filter(|rule| rule.reason == Some(Reason::Steady));
        let signals = Signals {
            keep: keep.clone(),
            exceptions: advice.exceptions.clone(),
            decided: decided.map(|rule| rule.pattern.clone()).collect(),
            place,
            forwards: asked.forwards,
        };
        let near_prefixes = near_prefixes(log, &signals);
        let (dead, going) = (self.dead(log), going_to(log));
        let found = Found::default();
        Draft {
            advice,
            signals,
            watched,
            suspects,
            fates,
            found,
            dead,
            going,
            honeypot,
            near_prefixes,
            notes,
        }
    }

    /// Replays the log with these rules in the rulesets; `pass` reads it once more.
    ///
    /// # Errors
    /// Those of the pass.
    pub fn prove<E>(
        &self,
        draft: &Draft,
        list: &[Proposal],
        pass: impl for<'c> FnOnce(Case<'c>) -> Result<Prover<'c>, E>,
    ) -> Result<Proof, E> {
        let rules = by_family(list, |i| proven_as(&list[i]));
        let without = Judge::new([&self.sites[0], &self.sites[1]], [&self.plain[0], &self.plain[1]]);
        self.judging(&rules, &draft.advice.chain.sets, |with| {
            let mut tests = with.tests();
            draft.signals.tests(&mut tests);
            let classes = tests.classes();
            let case = Case {
                signals: &draft.signals,
                judges: [with, &without],
                rules: &rules,
                classes: classes.as_ref(),
            };
            Ok(pass(case)?.finish())
        })
    }

    /// Gives `with` what says of each line what becomes of it with the rules of a suggestion.
    pub fn judged<R>(&self, suggestion: &Suggestion, with: impl FnOnce(&Judge<'_>) -> R) -> R {
        let list: Vec<Proposal> = suggestion.rules.iter().map(|rated| rated.proposal.clone()).collect();
        self.judging(&by_family(&list, |i| proven_as(&list[i])), &suggestion.sets, with)
    }

    /// The same, and why a line stays, if it does.
    pub fn viewed<R>(
        &self,
        suggestion: &Suggestion,
        signals: &Signals,
        with: impl FnOnce(&View<'_>) -> R,
    ) -> R {
        self.judged(suggestion, |judge| with(&View::new(signals, judge)))
    }

    /// The same with these rules, by family, and their sets.
    fn judging<R>(
        &self,
        rules: &[Vec<Rule>; 2],
        named: &BTreeMap<String, Vec<Net>>,
        with: impl FnOnce(&Judge<'_>) -> R,
    ) -> R {
        let sets = sets(named);
        let sites = [self.sites[0].with(&rules[0], &sets), self.sites[1].with(&rules[1], &sets)];
        let plain = [self.plain[0].with(&rules[0], &sets), self.plain[1].with(&rules[1], &sets)];
        with(&Judge::new([&sites[0], &sites[1]], [&plain[0], &plain[1]]))
    }

    /// Takes out what does not hold until all of it does.
    #[must_use]
    pub fn settle(&self, draft: Draft, proof: &Proof, target: Option<f64>) -> Suggestion {
        let list = draft.advice.chain.rules.clone();
        let hides = |taken: &Taken| -> u64 { taken.hides.values().map(|(lines, _)| lines).sum() };
        let mut keep: Vec<bool> = list.iter().map(|rule| draft.holds(rule)).collect();
        let no_scan = |rule: &Proposal| Refused {
            name: rule.what.clone(),
            lines: 0,
            why: "no scan of fwstat scans comes from there".to_owned(),
        };
        let mut refused: Vec<Refused> =
            list.iter().zip(&keep).filter(|(_, keep)| !**keep).map(|(rule, _)| no_scan(rule)).collect();
        let (taken, proved) = loop {
            let mut proved = proof.with(&by_family(&list, |i| keep[i]));
            let taken = in_order(&list, std::mem::take(&mut proved.rules));
            let bad: Vec<usize> =
                (0..list.len()).filter(|i| keep[*i] && list[*i].drops() && hides(&taken[*i]) > 0).collect();
            if bad.is_empty() {
                break (taken, proved);
            }
            for at in bad {
                keep[at] = false;
                let reasons: Vec<String> = taken[at]
                    .hides
                    .iter()
                    .map(|(why, (lines, _))| {
                        format!("{} of {}", fwlog::text::count_of(*lines, "line", "lines"), why.title())
                    })
                    .collect();
                refused.push(Refused {
                    name: list[at].what.clone(),
                    lines: taken[at].seen.lines,
                    why: format!("a rule would also hide {}", reasons.join(", ")),
                });
            }
        };
        let rated: Vec<Rated> = list
            .into_iter()
            .zip(taken)
            .zip(keep)
            .filter(|((proposal, taken), keep)| {
                *keep && (!proposal.drops() || taken.seen.lines + taken.maybe > 0)
            })
            .map(|((proposal, taken), _)| Rated { proposal, taken, accepted: false })
            .collect();
        let mut rated = without_idle(enough(rated, draft.advice.noise, target));
        self.note_accepted(&mut rated);
        self.suggestion(draft, rated, &proved, refused)
    }

    /// Notes which rules drop what the rulesets accept today.
    fn note_accepted(&self, rated: &mut [Rated]) {
        for (v6, site) in [(false, &self.sites[0]), (true, &self.sites[1])] {
            if site.assumed {
                continue;
            }
            let walker = Walker::new(&site.rules, fwrules::Evidence::Usual);
            for rule in rated.iter_mut().filter(|rule| rule.proposal.v6 == v6 && rule.proposal.drops()) {
                let mut scratch = Vec::new();
                let first = rule.taken.samples.first().map(|(_, raw)| raw.trim_ascii_end());
                let entry = first.and_then(|raw| logparse::parse_with(raw, &mut scratch).ok());
                rule.accepted = entry.is_some_and(|entry| {
                    let walk = walker.walk(&entry.packet, &Context::default());
                    walk.outcome.verdict() == Some(Verdict::Accept)
                });
            }
        }
    }

    /// The suggestion of rules that were proven.
    fn suggestion(
        &self,
        mut draft: Draft,
        rules: Vec<Rated>,
        proved: &Proved,
        refused: Vec<Refused>,
    ) -> Suggestion {
        let silenced: u64 = rules.iter().filter(|r| r.proposal.drops()).map(|r| r.taken.seen.lines).sum();
        let doubted: u64 =
            proved.remain.iter().filter(|(why, _)| why.is_some()).map(|(_, lines)| lines).sum();
        let rest = (proved.before - proved.old).saturating_sub(silenced + doubted);
        let noise = draft.advice.noise.max(silenced).min(silenced + rest);
        let mut remain = proved.remain.clone();
        remain.remove(&None);
        draft.watched.tell(&draft.found);
        let kept: Vec<&Proposal> = rules.iter().map(|rated| &rated.proposal).collect();
        let scanners = draft.fates.scanners(&draft.found, &kept);
        let mut notes = draft.notes;
        notes.extend(self.idle_rules(proved));
        notes.extend(self.lasting(&rules));
        let unusual = rest - (noise - silenced);
        let near = remain.get(&Some(super::lines::Why::NearHit)).copied().unwrap_or(0);
        // A tenth of the log is worth a word.
        if self.sites.iter().all(|site| site.assumed) && (near + unusual) * 10 >= proved.before.max(1) {
            notes.push(format!(
                "{} kept as near hits or as unusual: --rules says what is let in, and then more of them may be noise",
                fwlog::text::count_of(near + unusual, "line is", "lines are")
            ));
        }
        Suggestion {
            chain: self.settings.chain.clone(),
            before: proved.before,
            old: proved.old,
            unknown: proved.unknown,
            noise,
            remain: remain.into_iter().filter_map(|(why, lines)| Some((why?, lines))).collect(),
            noise_left: noise - silenced,
            declined: 0,
            unusual,
            rules,
            sets: draft.advice.chain.sets,
            refused,
            scanners,
            hosts: draft.watched.hosts,
            friends: draft
                .watched
                .friends
                .into_iter()
                .map(|friend| {
                    let known = friends(&self.let_in).iter().any(|net| net.contains(friend.addr));
                    (friend, known)
                })
                .collect(),
            dead: draft.dead,
            going: draft.going,
            honeypot: draft.honeypot,
            hooks: [self.hooks(false), self.hooks(true)],
            sites: self.sites.clone(),
            notes,
        }
    }

    /// Rules of the chain that ask for the wrong protocol.
    fn dead(&self, log: &Surveyed) -> Vec<wrong_protocol::Dead> {
        let all = [(false, &self.sites[0]), (true, &self.sites[1])];
        all.into_iter()
            .filter(|(_, site)| !site.rules.nft)
            .flat_map(|(v6, site)| wrong_protocol::dead(&site.chain_rules()[..site.before], |_| 0, log, v6))
            .collect()
    }

    /// How the rules outlive the next run of the program that writes the host's rules.
    fn lasting(&self, rules: &[Rated]) -> Vec<String> {
        let mut notes = Vec::new();
        for (v6, site) in [(false, &self.sites[0]), (true, &self.sites[1])] {
            let any = rules.iter().any(|rated| rated.proposal.v6 == v6 && rated.proposal.drops());
            if site.assumed || !any {
                continue;
            }
            let manager = Manager::of(&site.rules);
            notes.push(format!(
                "Managed by {}. These commands take effect now; {}",
                manager.name(),
                manager.lasting(site.rules.nft)
            ));
            if has_docker(&site.rules) && !site.rules.nft && !site.elsewhere.contains(&Hook::Forward) {
                let (program, chain) = (if v6 { "ip6tables" } else { "iptables" }, &self.settings.chain);
                notes.push(format!(
                    "Packets to containers are forwarded and do not come to {chain}; few of this log are. To filter new \
                     connections to them too: {program} -I DOCKER-USER -m conntrack ! --ctstate RELATED,ESTABLISHED -j \
                     {chain}; then run suggest again with the new rules"
                ));
            }
        }
        notes.dedup();
        notes
    }

    /// Rules of the chain that no longer count: zero counters in `iptables-save -c`, and no line.
    fn idle_rules(&self, proved: &Proved) -> Vec<String> {
        let mut notes = Vec::new();
        for (v6, site) in [(false, &self.sites[0]), (true, &self.sites[1])] {
            // nft takes a rule away by its handle only.
            let rules = if site.rules.nft { &[][..] } else { &site.chain_rules()[..site.before] };
            // Without -c all counters are zero or missing: then they say nothing.
            if !rules.iter().any(|rule| rule.counters.is_some_and(|counters| counters.packets > 0)) {
                continue;
            }
            for (at, rule) in rules.iter().enumerate() {
                let zero = rule.counters.is_some_and(|counters| counters.packets == 0);
                let of_rule = |(family, id): &(bool, fwrules::RuleId)| {
                    (*family, id.table as usize, id.chain as usize, id.rule as usize)
                        == (v6, site.table, site.chain, at)
                };
                let lines = proved.by_old.keys().any(of_rule);
                if zero && !lines && rule.target == fwrules::Target::Drop {
                    let chain = &self.settings.chain;
                    let program = if v6 { "ip6tables" } else { "iptables" };
                    notes.push(format!(
                        "{chain} {} no longer takes packets (its counter is 0): {program} -D {chain} {}",
                        at + 1,
                        at + 1
                    ));
                }
            }
        }
        notes
    }

    fn notes(&self, log: &Surveyed, advice: &Advice, place: &Place) -> Vec<String> {
        let mut notes = Vec::new();
        for (v6, site) in [(false, &self.sites[0]), (true, &self.sites[1])] {
            let family = if v6 { "IPv6" } else { "IPv4" };
            if site.assumed || !log.sample.iter().any(|seen| seen.v6 == v6) {
                continue;
            }
            for hook in &site.elsewhere {
                notes.push(format!(
                    "{} is also asked from {}: its rules take packets there as well",
                    self.settings.chain,
                    hook.chain()
                ));
            }
            let mut rules = advice.chain.rules.iter().filter(|rule| rule.pattern.v6 == v6).peekable();
            if !site.answers_pass && rules.peek().is_some() {
                let how = match rules.any(|rule| rule.pattern.known) {
                    true => "a first rule lets known connections pass",
                    false => "its rules take only packets that open connections",
                };
                notes.push(format!(
                    "{family}: INPUT jumps to {} before ACCEPT of RELATED,ESTABLISHED; {how}",
                    self.settings.chain
                ));
            }
        }
        if self.unread {
            notes.push("The ruleset is too large to say all that it lets in: nothing is dropped.".to_owned());
        }
        if advice.unseen > 0 {
            notes.push(format!(
                "{} out of reach: FORWARD does not jump to {}",
                fwlog::text::count_of(advice.unseen, "forwarded line is", "forwarded lines are"),
                self.settings.chain
            ));
        }
        if advice.over > 0 {
            notes.push(format!(
                "{} of scans that came once and went: no rule helps against what is over",
                fwlog::text::count_of(advice.over, "line", "lines")
            ));
        }
        if self.settings.trusted.is_empty() && self.sites.iter().all(|site| site.assumed) {
            notes.push(
                "No networks or services given; add --trusted and --rules for safer suggestions. Each rule is right only \
                 if no service listens there."
                    .to_owned(),
            );
        }
        let foreign: u64 = log.writers.values().sum();
        if foreign > 0 {
            let names: Vec<String> =
                log.writers.keys().take(5).map(|name| fwlog::text::escape(name)).collect();
            notes.push(format!(
                "{foreign} lines were not written by the kernel ({}): they make no rule and no entry",
                names.join(", ")
            ));
        }
        if !place.own.is_empty() {
            let own: Vec<String> = place.own.iter().take(12).map(net_name).collect();
            let more = if place.own.len() > 12 { ", ..." } else { "" };
            notes.push(format!("Own, trusted and private sources: {}{more}", own.join(", ")));
        }
        notes
    }
}

/// The prefixes under which near hits were written.
fn near_prefixes(log: &Surveyed, signals: &Signals) -> Vec<Vec<u8>> {
    let matchers: Vec<_> =
        signals.exceptions.iter().filter(|p| !p.dports.is_empty()).map(|p| p.matcher(log)).collect();
    let kept = log.of_prefixes(|prefix| is_kept(&signals.keep, prefix));
    let mut near = vec![false; kept.len()];
    for seen in log.sample.iter().filter(|seen| log.output(seen).is_none()) {
        let prefix = log.prefix_number(seen);
        near[prefix] = near[prefix] || kept[prefix] || matchers.iter().any(|matcher| matcher.takes(seen));
    }
    // Names are in order, each once.
    log.names.iter().zip(near).filter(|(_, near)| *near).map(|(name, _)| name.clone()).collect()
}

/// Where this host wanted to go.
fn going_to(log: &Surveyed) -> Vec<(String, u64)> {
    let mut list: Vec<(String, u64)> = log
        .sent
        .iter()
        .map(|((dst, protocol, port), lines)| {
            let protocol = logparse::Protocol(*protocol).to_string().to_lowercase();
            let port = if *port > 0 { format!("/{port}") } else { String::new() };
            (format!("{} {protocol}{port}", address(*dst)), *lines)
        })
        .collect();
    list.order_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(20);
    list
}

/// The sets of a chain, as the replay reads them.
fn sets(named: &BTreeMap<String, Vec<Net>>) -> Sets {
    let mut text = String::new();
    for (name, nets) in named {
        let family = if nets.iter().any(|net| net.addr().is_ipv6()) { "inet6" } else { "inet" };
        text.push_str(&format!("create {name} hash:net family {family}\n"));
        nets.iter().for_each(|net| text.push_str(&format!("add {name} {}\n", net_name(net))));
    }
    Sets::parse(text.as_bytes()).unwrap_or_default()
}

/// The rule as the replay is given it. The packet of a line was none of a known connection, or it
/// would have passed before it was logged: the exception for those takes no line.
fn proven_as(proposal: &Proposal) -> Rule {
    if !proposal.pattern.known {
        return proposal.rule.clone();
    }
    // Protocol 255 is reserved: no packet has it.
    chain::rule(&Pattern { v6: proposal.v6, protocol: vec![255], ..Pattern::default() }, "RETURN", "known")
}

/// Something about each proposal, `[IPv4, IPv6]`: a ruleset numbers its own rules.
pub fn by_family<T>(list: &[Proposal], of: impl Fn(usize) -> T) -> [Vec<T>; 2] {
    [false, true].map(|v6| (0..list.len()).filter(|i| list[*i].v6 == v6).map(&of).collect())
}

/// Back into the order of the list.
pub fn in_order<T>(list: &[Proposal], families: [Vec<T>; 2]) -> Vec<T> {
    let [mut v4, mut v6] = families.map(Vec::into_iter);
    list.iter().filter_map(|proposal| if proposal.v6 { v6.next() } else { v4.next() }).collect()
}

/// The DROP rules with the most lines that are enough, and all exceptions.
fn enough(rules: Vec<Rated>, noise: u64, target: Option<f64>) -> Vec<Rated> {
    let Some(target) = target else { return rules };
    let wanted = (noise as f64 * target).ceil() as u64;
    let mut order: Vec<usize> = (0..rules.len()).filter(|i| rules[*i].proposal.drops()).collect();
    order.order_by_key(|i| (std::cmp::Reverse(rules[*i].taken.seen.lines), *i));
    let mut sum = 0;
    let mut keep: Vec<bool> = rules.iter().map(|rated| !rated.proposal.drops()).collect();
    for at in order {
        if sum >= wanted {
            break;
        }
        sum += rules[at].taken.seen.lines;
        keep[at] = true;
    }
    rules.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(rated, _)| rated).collect()
}

/// Without exceptions that no DROP of the list needs any more.
fn without_idle(rules: Vec<Rated>) -> Vec<Rated> {
    let needed: Vec<bool> = (0..rules.len())
        .map(|at| {
            let own = &rules[at].proposal;
            own.drops()
                || rules[at..].iter().any(|later| {
                    later.proposal.drops()
                        && later.proposal.v6 == own.v6
                        && (own.pattern.known || later.proposal.pattern.meets(&own.pattern))
                })
        })
        .collect();
    rules.into_iter().zip(needed).filter(|(_, needed)| *needed).map(|(rated, _)| rated).collect()
}

/// Ports at which near hits were seen.
fn near_ports(log: &Surveyed, advice: &Advice) -> Vec<(bool, u8, u16)> {
    let matchers: Vec<_> =
        advice.exceptions.iter().filter(|p| !p.dports.is_empty()).map(|p| p.matcher(log)).collect();
    let near = |seen: &&crate::analysis::noise::sighting::Sighting| {
        log.output(seen).is_none()
            && (seen.syn || seen.protocol == 17)
            && matchers.iter().any(|matcher| matcher.takes(seen))
    };
    let mut ports: Vec<(bool, u8, u16)> =
        log.sample.iter().filter(near).map(|seen| (seen.v6, seen.protocol, seen.dport)).collect();
    ports.order();
    ports.dedup();
    ports
}
