//! `fwstat suggest`: rules that silence the noise, proven on the log.
//!
//! Responsible for: the two passes (count, prove) and what is asked between them.
//! Must not know: what noise is, how rules are written.
//! Tested by: `tests/cli/suggest.rs`.

use std::io::{self, IsTerminal as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context as _, bail};
use fwrules::{Family, Match, Net, PortSide, Range, Rule, Target, Test, Text};
use logparse::Protocol;

use super::{Outcome, suggest_interactive, write};
use crate::analysis::noise::dead::{self, Dead};
use crate::analysis::noise::ground::{Ground, Kept, collapsed, protocol_word};
use crate::analysis::noise::packet::Kind;
use crate::analysis::noise::proof::{Case, Proof, Proved, Prover, Taken};
use crate::analysis::noise::rules::{self as noise_rules, Proposal};
use crate::analysis::noise::site::{Judge, Site};
use crate::analysis::noise::tally::Tally;
use crate::analysis::noise::{self, Found, Refused};
use crate::cli::{self, Common, OutputArgs, RuleFormat};
use crate::options::Options;
use crate::report::suggest::{self as report, Rated, Suggestion, Verb};
use crate::report::{Head, handoff};
use fwlog::pipeline::Account;
use fwlog::time::timespec;

/// Runs it.
///
/// # Errors
/// An option makes no sense, the rules cannot be read, or the output cannot be written.
pub fn command(arguments: &cli::Suggest) -> anyhow::Result<Outcome> {
    let form = if arguments.json { RuleFormat::Json } else { arguments.format };
    if arguments.interactive && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        bail!("--interactive needs a terminal on standard input and standard error");
    }
    let target = arguments.target.as_deref().map(part).transpose()?;
    let timeout = timespec::span(&arguments.timeout)
        .filter(|span| *span > 0)
        .with_context(|| format!("--timeout: `{}` is no span of time, as 1w or 36h", arguments.timeout))?;
    let timeout = timeout.unsigned_abs() / fwlog::time::clock::NANOS.unsigned_abs();
    let mut session = Session::new(arguments)?;
    let (suggestion, options, account, head) = session.suggest(target)?;
    let mut suggestion = suggestion;
    if arguments.interactive {
        suggestion = suggest_interactive::choose(&session, suggestion, &options)?;
    }
    let verb = match (arguments.undo, arguments.idempotent) {
        (true, _) => Verb::Undo,
        (_, true) => Verb::AddOnce,
        _ => Verb::Add,
    };
    let (look, clock) = (&options.look, &options.plan.clock);
    let bytes = match form {
        RuleFormat::Iptables => report::script(look, clock, &head, &suggestion, verb).into_bytes(),
        RuleFormat::Restore => report::restore(look, &suggestion, session.only_family()).into_bytes(),
        RuleFormat::Nft => report::nft(look, &suggestion).into_bytes(),
        RuleFormat::Json => report::json(clock, &head, &suggestion),
        RuleFormat::Ipset => handoff::ipset(&session.found.loud, &arguments.chain, timeout).into_bytes(),
        RuleFormat::Crowdsec => handoff::crowdsec(&session.found.loud, timeout),
        RuleFormat::Fail2ban => {
            handoff::fail2ban(&session.prefixes, &session.found.own, &head.files).into_bytes()
        }
    };
    write(&options, &account, &bytes)?;
    Ok(if options.queue.stop.load(Ordering::Relaxed) {
        Outcome::Interrupted
    } else if !options.queue.errors().is_empty() {
        Outcome::Failed
    } else if suggestion.rules.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

/// `95%`, `95` or `0.95`.
fn part(text: &str) -> anyhow::Result<f64> {
    let number: Option<f64> = text.trim_end_matches('%').trim().parse().ok();
    match number {
        Some(n) if n > 1.0 && n <= 100.0 => Ok(n / 100.0),
        Some(n) if n > 0.0 && n <= 1.0 => Ok(if text.contains('%') { n / 100.0 } else { n }),
        _ => bail!("--target: `{text}` is no part of the noise, as 95%"),
    }
}

/// What one run works with: the log, the rulesets, the networks.
pub(super) struct Session {
    common: Common,
    stdin: Option<Spool>,
    ground: Ground,
    /// Who is let in by the rules, without what `--trusted` says.
    friends: Vec<Net>,
    /// The rulesets, `[IPv4, IPv6]`, and what stands for them where they do not write a line.
    sites: [Site; 2],
    plain: [Site; 2],
    chain: String,
    honeypot: Option<IpAddr>,
    most: usize,
    pub(super) found: Found,
    pub(super) prefixes: Vec<(Vec<u8>, u64)>,
}

impl Session {
    fn new(arguments: &cli::Suggest) -> anyhow::Result<Session> {
        let chain = arguments.chain.as_bytes();
        if chain.is_empty()
            || chain.len() > 28
            || chain.iter().any(|b| b.is_ascii_whitespace() || b.is_ascii_control())
        {
            bail!("--chain: `{}` is no name of a chain (1 to 28 characters, no blanks)", arguments.chain);
        }
        let mut ground = Ground {
            keep: arguments.keep.iter().map(|k| k.as_bytes().to_vec()).collect(),
            ..Ground::default()
        };
        for text in &arguments.trusted {
            ground.trusted.extend(trusted(text)?);
        }
        let mut sites = [Site::assumed(chain, false), Site::assumed(chain, true)];
        let plain = sites.clone();
        let mut friends = Ground::default();
        for path in &arguments.rules {
            let name = path.display();
            let rules = crate::rules::ruleset(path)?;
            let families: &[bool] = match rules.family() {
                Family::Ipv6 => &[true],
                Family::Inet => &[false, true],
                _ => &[false],
            };
            for v6 in families {
                let site =
                    Site::new(rules.clone(), chain).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
                ground.learn(&rules, chain, *v6);
                friends.learn(&rules, chain, *v6);
                let place = &mut sites[usize::from(*v6)];
                if !place.assumed {
                    bail!("{name}: rules for the same packets were given before: one ruleset of each family");
                }
                *place = site;
            }
        }
        ground.trusted = collapsed(std::mem::take(&mut ground.trusted));
        let output = OutputArgs { look: arguments.look.clone(), ..OutputArgs::default() };
        let common = Common {
            files: arguments.files.clone(),
            filter: arguments.filter.clone(),
            input: arguments.input.clone(),
            output,
        };
        Ok(Session {
            common,
            stdin: None,
            ground,
            friends: friends.trusted,
            sites,
            plain,
            chain: arguments.chain.clone(),
            honeypot: arguments.honeypot,
            most: arguments.max_rules,
            found: Found::default(),
            prefixes: Vec::new(),
        })
    }

    /// The family whose ruleset is known, if it is only one: the other one's rules would not be
    /// read by the same tool.
    fn only_family(&self) -> Option<bool> {
        match [self.sites[0].assumed, self.sites[1].assumed] {
            [false, true] => Some(false),
            [true, false] => Some(true),
            _ => None,
        }
    }

    /// The options of one more pass over the log.
    fn options(&mut self) -> anyhow::Result<Options> {
        let options = Options::new(&self.common, false)?;
        if self.stdin.is_some() || !options.queue.names().iter().any(|name| name == "-") {
            return Ok(options);
        }
        // Standard input can be read once only, and the proof is a second pass.
        let spool = Spool::new()?;
        let path = spool.path.clone();
        if self.common.files.is_empty() {
            self.common.files.push(path);
        } else {
            for file in &mut self.common.files {
                if file.as_os_str() == "-" {
                    file.clone_from(&path);
                }
            }
        }
        self.stdin = Some(spool);
        Options::new(&self.common, false)
    }

    fn suggest(&mut self, target: Option<f64>) -> anyhow::Result<(Suggestion, Options, Account, Head)> {
        let options = self.options()?;
        let answers_pass = [self.sites[0].answers_pass, self.sites[1].answers_pass];
        let (mut found, proposals, dead, going, honeypot, account, mut head);
        {
            let ask_first = self.sites.iter().any(|site| site.before > 0);
            let judge = Judge::new([&self.sites[0], &self.sites[1]], [&self.plain[0], &self.plain[1]]);
            let classes = judge.tests().classes();
            let make = || Tally::new(&self.ground, ask_first.then(|| (judge.asker(), classes.as_ref())));
            let (mut tally, books, top) = super::run(&options, make)?;
            tally.trim();
            (account, head) = (books, top);
            let pool = options.plan.pool()?;
            found = pool.install(|| noise::find(&tally, &self.ground, answers_pass));
            let mut list = noise_rules::propose(&mut found, &tally, &self.ground);
            list.retain(|proposal| proposal.expected > 0);
            if list.len() > self.most {
                let rest: u64 = list[self.most..].iter().map(|proposal| proposal.expected).sum();
                let rules = list.len() - self.most;
                found.notes.push(format!("{rules} more rules would silence {rest} more lines (--max-rules)"));
                list.truncate(self.most);
            }
            proposals = list;
            dead = self.dead(&tally);
            going = going_to(&tally);
            honeypot = self.honeypot_rules(&tally);
            self.prefixes = tally
                .prefixes
                .iter()
                .filter(|(prefix, _)| self.ground.kept(prefix) != Some(Kept::LetIn))
                .map(|(prefix, lines)| (prefix.clone(), *lines))
                .collect();
        }
        if let Some(spool) = &self.stdin {
            for name in &mut head.files {
                if Path::new(name) == spool.path {
                    "-".clone_into(name);
                }
            }
        }
        self.found = found;
        let (rules, proved) = if options.queue.stop.load(Ordering::Relaxed) {
            (Vec::new(), Proved { before: account.totals.matched, ..Proved::default() })
        } else {
            self.settle(proposals, target)?
        };
        let found = &self.found;
        let mut notes = found.notes.clone();
        notes.extend(self.notes());
        let friends = found
            .friends
            .iter()
            .map(|friend| (friend.clone(), self.friends.iter().any(|net| net.contains(friend.addr))))
            .collect();
        let suggestion = Suggestion {
            chain: self.chain.clone(),
            before: proved.before,
            old: proved.old,
            unknown: proved.unknown,
            noise: proved.noise,
            rules,
            remain: proved.remain,
            refused: found.refused.clone(),
            hosts: found.hosts.clone(),
            friends,
            dead,
            going,
            honeypot,
            sites: self.sites.clone(),
            notes,
        };
        Ok((suggestion, options, account, head))
    }

    /// Proves, and takes out what does not hold until all of it does.
    fn settle(&mut self, list: Vec<Proposal>, target: Option<f64>) -> anyhow::Result<(Vec<Rated>, Proved)> {
        let proof = self.prove(&list)?;
        let hides = |taken: &Taken| taken.hides.values().map(|(lines, _)| lines).sum::<u64>();
        let mut keep = vec![true; list.len()];
        let (taken, proved) = loop {
            let mut proved = proof.with(&by_family(&list, |i| keep[i]));
            let taken = in_order(&list, std::mem::take(&mut proved.rules));
            if taken.iter().all(|taken| hides(taken) == 0) {
                break (taken, proved);
            }
            for ((proposal, keep), taken) in list.iter().zip(&mut keep).zip(&taken) {
                if hides(taken) == 0 {
                    continue;
                }
                *keep = false;
                let reasons: Vec<String> = taken
                    .hides
                    .iter()
                    .map(|(why, (lines, _))| format!("{lines} lines of {}", why.title()))
                    .collect();
                let names: Vec<&str> = proposal.noise.iter().map(|noise| noise.name.as_str()).collect();
                self.found.refused.push(Refused {
                    name: names.join(", "),
                    lines: taken.seen.lines,
                    why: format!("a rule would also hide {}", reasons.join(", ")),
                });
            }
        };
        // What takes nothing changes nothing.
        let rules = list
            .into_iter()
            .zip(taken)
            .filter(|(_, taken)| taken.seen.lines > 0 || taken.maybe > 0)
            .map(|(proposal, taken)| Rated { proposal, taken })
            .collect();
        Ok(enough(rules, proved, target))
    }

    /// Every line of the log through the rulesets with these rules in them.
    fn prove(&self, list: &[Proposal]) -> anyhow::Result<Proof> {
        let rules = by_family(list, |i| list[i].rule.clone());
        let sites = [self.sites[0].with(&rules[0]), self.sites[1].with(&rules[1])];
        let plain = [self.plain[0].with(&rules[0]), self.plain[1].with(&rules[1])];
        let with = Judge::new([&sites[0], &sites[1]], [&plain[0], &plain[1]]);
        let without = Judge::new([&self.sites[0], &self.sites[1]], [&self.plain[0], &self.plain[1]]);
        let options = Options::new(&self.common, false)?;
        let (ground, known) = (&self.ground, &self.found.known);
        let mut tests = with.tests();
        known.tests(ground, &mut tests);
        let classes = tests.classes();
        let case =
            Case { ground, known, judges: [&with, &without], rules: &rules, classes: classes.as_ref() };
        let (prover, ..) = super::run(&options, || Prover::new(case))?;
        Ok(prover.finish())
    }

    /// What all of these rules come to: rule by rule, and together.
    pub(super) fn proved(&self, list: &[Proposal]) -> anyhow::Result<(Vec<Taken>, Proved)> {
        let mut proved = self.prove(list)?.with(&by_family(list, |_| true));
        Ok((in_order(list, std::mem::take(&mut proved.rules)), proved))
    }

    fn dead(&self, tally: &Tally<'_>) -> Vec<Dead> {
        let mut dead = Vec::new();
        for (v6, site) in [(false, &self.sites[0]), (true, &self.sites[1])] {
            let taken = |rule: usize| {
                tally
                    .old
                    .iter()
                    .filter(|((f, id), _)| {
                        *f == v6
                            && (id.table as usize, id.chain as usize, id.rule as usize)
                                == (site.table, site.chain, rule)
                    })
                    .map(|(_, lines)| lines)
                    .sum()
            };
            dead.extend(dead::dead(&site.chain_rules()[..site.before], taken, tally, v6));
        }
        dead
    }

    fn honeypot_rules(&self, tally: &Tally<'_>) -> Vec<(bool, Rule)> {
        let Some(honeypot) = self.honeypot else { return Vec::new() };
        let v6 = honeypot.is_ipv6();
        let here: Vec<IpAddr> = {
            let mut list: Vec<(u64, IpAddr)> = tally
                .here
                .sorted()
                .into_iter()
                .filter(|(addr, _)| addr.is_ipv6() == v6)
                .map(|(addr, lines)| (*lines, addr))
                .collect();
            list.sort_unstable_by(|a, b| b.cmp(a));
            list.into_iter().map(|(_, addr)| addr).collect()
        };
        let mut rules = Vec::new();
        for protocol in [Protocol::TCP, Protocol::UDP] {
            let ports: Vec<Range<u16>> = tally
                .kept
                .iter()
                .filter_map(|(f, kind, _)| match kind {
                    Kind::Request(p, port) if f == v6 && p == protocol.0 => Some(Range::one(port)),
                    _ => None,
                })
                .collect();
            for ports in ports.chunks(15) {
                let own = self.ground.trusted.iter().filter(|net| net.addr().is_ipv6() == v6);
                let mut rule = Rule {
                    protocol: Some(Test::is(protocol)),
                    destination: here.first().map(|addr| Test::is(Net::new(*addr, 128))),
                    ..Rule::default()
                };
                for net in own {
                    match (&rule.source, net.range()) {
                        (None, _) => rule.source = Some(Test { not: true, value: *net }),
                        (Some(_), Some(value)) => rule.matches.push(Match::IpRange {
                            source: Some(Test { not: true, value }),
                            destination: None,
                        }),
                        _ => {}
                    }
                }
                rule.matches
                    .push(Match::Multiport { side: PortSide::Destination, ports: Test::is(ports.to_vec()) });
                rule.matches.push(Match::Comment(Text::from("[honeypot]")));
                let to = honeypot.to_string();
                rule.target = Target::Other {
                    name: Text::from("DNAT"),
                    words: vec![Text::from("--to-destination"), Text::from(to.as_str())],
                };
                rules.push((v6, rule));
            }
        }
        rules
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (v6, site) in [(false, &self.sites[0]), (true, &self.sites[1])] {
            if site.assumed {
                continue;
            }
            for hook in &site.elsewhere {
                notes.push(format!(
                    "chain {} is also asked from {hook}: its rules take packets there as well",
                    self.chain
                ));
            }
            if !site.answers_pass {
                let family = if v6 { "IPv6" } else { "IPv4" };
                notes.push(format!(
                    "{family}: {} is asked before known connections are let in; put ACCEPT of RELATED,ESTABLISHED first",
                    self.chain
                ));
            }
        }
        if self.ground.trusted.is_empty() && self.sites.iter().all(|site| site.assumed) {
            notes.push(
                "Nothing is known of your networks and services: --trusted and --rules make the rules safer. Private \
                 addresses were taken as your own."
                    .to_owned(),
            );
        }
        notes
    }
}

/// Something about each proposal, `[IPv4, IPv6]`: a ruleset numbers its own rules.
fn by_family<T>(list: &[Proposal], of: impl Fn(usize) -> T) -> [Vec<T>; 2] {
    [false, true].map(|v6| (0..list.len()).filter(|i| list[*i].v6 == v6).map(&of).collect())
}

/// Back into the order of the list.
fn in_order<T>(list: &[Proposal], families: [Vec<T>; 2]) -> Vec<T> {
    let [mut v4, mut v6] = families.map(Vec::into_iter);
    list.iter().filter_map(|proposal| if proposal.v6 { v6.next() } else { v4.next() }).collect()
}

/// The first rules that are enough.
fn enough(mut rules: Vec<Rated>, mut proved: Proved, target: Option<f64>) -> (Vec<Rated>, Proved) {
    let Some(target) = target else { return (rules, proved) };
    let wanted = (proved.noise as f64 * target).ceil() as u64;
    let mut sum = 0;
    let mut many = 0;
    for rated in &rules {
        if sum >= wanted {
            break;
        }
        sum += rated.taken.seen.lines;
        many += 1;
    }
    let rest: u64 = rules[many..].iter().map(|rated| rated.taken.seen.lines).sum();
    if rest > 0 {
        *proved.remain.entry(None).or_default() += rest;
    }
    rules.truncate(many);
    (rules, proved)
}

/// Where this host wanted to go.
fn going_to(tally: &Tally<'_>) -> Vec<(String, u64)> {
    let mut list: Vec<(String, u64)> = tally
        .going
        .iter()
        .map(|(addr, kind, lines)| {
            let what = match kind {
                Kind::Request(protocol, port) => {
                    format!(" {} {port}", protocol_word(protocol))
                }
                _ => String::new(),
            };
            (format!("{addr}{what}"), lines.lines)
        })
        .collect();
    list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(20);
    list
}

/// An address, a network, or a file of them.
fn trusted(text: &str) -> anyhow::Result<Vec<Net>> {
    if let Some(net) = Net::parse(text) {
        return Ok(vec![net]);
    }
    let path = Path::new(text);
    if !path.exists() {
        bail!("--trusted: `{text}` is neither an address, nor a network, nor a file");
    }
    let list = std::fs::read_to_string(path).with_context(|| format!("--trusted: {text}"))?;
    let mut nets = Vec::new();
    for (number, line) in list.lines().enumerate() {
        let net = line.split('#').next().unwrap_or("").trim();
        if net.is_empty() {
            continue;
        }
        match Net::parse(net) {
            Some(net) => nets.push(net),
            None => bail!("{text}:{}: `{net}` is neither an address nor a network", number + 1),
        }
    }
    Ok(nets)
}

/// What came on standard input, for a second reading; gone with the program.
#[derive(Debug)]
struct Spool {
    path: PathBuf,
}

impl Spool {
    fn new() -> anyhow::Result<Spool> {
        let path = std::env::temp_dir().join(format!("fwstat-{}.log", std::process::id()));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("{}: standard input is kept there for the proof", path.display()))?;
        let spool = Spool { path };
        io::copy(&mut io::stdin().lock(), &mut file)?;
        file.flush()?;
        Ok(spool)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
