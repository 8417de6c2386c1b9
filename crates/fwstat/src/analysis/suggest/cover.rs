//! Choosing few rules that take many lines: a greedy cover, then exchanges.
//!
//! Lines that the same candidates take are one class, so the choice costs as much for a long log
//! as for a short one. Packs of ports are filled anew in every step, by what is not yet taken.
//!
//! Responsible for: this choice.
//! Must not know: what candidates mean.
//! Tested by: the unit tests below, `tests/cli/suggest.rs`.

use fwlog::sorting::InOrder as _;
use std::collections::{BTreeMap, HashMap};

use super::candidate::{Candidates, Pack, Port, Single};

/// Places of a `multiport`.
const SLOTS: usize = 15;
/// Exchanges tried over the whole list.
const ROUNDS: usize = 3;

/// One chosen rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Ports of one pack, by number in [`Candidates::ports`].
    Ports(Vec<usize>),
    /// A whole rule, by number in [`Candidates::singles`].
    Single(usize),
}

/// Lines as classes: each candidate's classes, and the lines of each class.
#[derive(Debug)]
struct Classes {
    weights: Vec<u64>,
    ports: Vec<Vec<u32>>,
    singles: Vec<Vec<u32>>,
}

impl Classes {
    fn new(candidates: &Candidates) -> Classes {
        let lists = || {
            let ports = candidates.ports.iter().map(|port| &port.lines);
            ports.chain(candidates.singles.iter().map(|single| &single.lines))
        };
        let lines = lists().flatten().max().map_or(0, |line| *line as usize + 1);
        let mut takers: Vec<Vec<u32>> = vec![Vec::new(); lines];
        for (number, list) in lists().enumerate() {
            list.iter().for_each(|line| takers[*line as usize].push(number as u32));
        }
        let mut numbers: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut weights: Vec<u64> = Vec::new();
        let mut of: Vec<Vec<u32>> = vec![Vec::new(); candidates.ports.len() + candidates.singles.len()];
        for takers in takers.into_iter().filter(|takers| !takers.is_empty()) {
            let next = weights.len();
            let class = *numbers.entry(takers).or_insert_with_key(|takers| {
                takers.iter().for_each(|taker| of[*taker as usize].push(next as u32));
                weights.push(0);
                next
            });
            weights[class] += 1;
        }
        let singles = of.split_off(candidates.ports.len());
        Classes { weights, ports: of, singles }
    }

    fn gain(&self, list: &[u32], taken: &[u32]) -> u64 {
        list.iter()
            .filter(|class| taken[**class as usize] == 0)
            .map(|class| self.weights[*class as usize])
            .sum()
    }
}

/// Chooses at most `most` rules, each of which takes at least `least` lines that no other takes.
#[must_use]
pub fn choose(candidates: &Candidates, most: usize, least: f64) -> Vec<Choice> {
    let mut packs: BTreeMap<&Pack, Vec<usize>> = BTreeMap::new();
    for (number, Port { pack, .. }) in candidates.ports.iter().enumerate() {
        packs.entry(pack).or_default().push(number);
    }
    let chooser = Chooser {
        classes: Classes::new(candidates),
        candidates,
        packs: packs.into_values().collect(),
        least: least.ceil().max(1.0) as u64,
    };
    let mut chosen = chooser.greedy(Vec::new(), most);
    for _ in 0..ROUNDS {
        let now = chooser.value(&chosen);
        let better = (0..chosen.len()).find_map(|out| {
            let mut rest = chosen.clone();
            rest.remove(out);
            let other = chooser.greedy(rest, most);
            let value = chooser.value(&other);
            (value > now || value == now && other.len() < chosen.len()).then_some(other)
        });
        match better {
            Some(better) => chosen = better,
            None => break,
        }
    }
    chooser.prune(chosen)
}

struct Chooser<'c> {
    classes: Classes,
    candidates: &'c Candidates,
    packs: Vec<Vec<usize>>,
    least: u64,
}

impl Chooser<'_> {
    fn lists<'a>(&'a self, choice: &'a Choice) -> Box<dyn Iterator<Item = u32> + 'a> {
        match choice {
            Choice::Ports(ports) => {
                Box::new(ports.iter().flat_map(|port| self.classes.ports[*port].iter().copied()))
            }
            Choice::Single(number) => Box::new(self.classes.singles[*number].iter().copied()),
        }
    }

    fn take(&self, choice: &Choice, taken: &mut [u32]) {
        // A class counts once for a rule, however many of its ports take it.
        let mut classes: Vec<u32> = self.lists(choice).collect();
        classes.sort_unstable();
        classes.dedup();
        classes.iter().for_each(|class| taken[*class as usize] += 1);
    }

    fn taken(&self, chosen: &[Choice]) -> Vec<u32> {
        let mut taken = vec![0; self.classes.weights.len()];
        chosen.iter().for_each(|choice| self.take(choice, &mut taken));
        taken
    }

    fn value(&self, chosen: &[Choice]) -> u64 {
        let taken = self.taken(chosen);
        taken.iter().zip(&self.classes.weights).filter(|(n, _)| **n > 0).map(|(_, weight)| weight).sum()
    }

    /// The best pack of one kind of ports.
    fn pack(&self, ports: &[usize], taken: &[u32]) -> (u64, Choice) {
        let mut gains: Vec<(u64, usize)> = ports
            .iter()
            .map(|port| (self.classes.gain(&self.classes.ports[*port], taken), *port))
            .filter(|(gain, _)| *gain > 0)
            .collect();
        gains.order_by_key(|(gain, port)| (std::cmp::Reverse(*gain), self.candidates.ports[*port].port));
        gains.truncate(SLOTS);
        let sum = gains.iter().map(|(gain, _)| gain).sum();
        (sum, Choice::Ports(gains.into_iter().map(|(_, port)| port).collect()))
    }

    fn greedy(&self, mut chosen: Vec<Choice>, most: usize) -> Vec<Choice> {
        let mut taken = self.taken(&chosen);
        while chosen.len() < most {
            let mut best: Option<(u64, Choice)> = None;
            let better =
                |gain: u64, best: &Option<(u64, Choice)>| best.as_ref().is_none_or(|(most, _)| gain > *most);
            for ports in &self.packs {
                let (gain, choice) = self.pack(ports, &taken);
                if better(gain, &best) {
                    best = Some((gain, choice));
                }
            }
            for (number, single) in self.candidates.singles.iter().enumerate() {
                let gain = self.classes.gain(&self.classes.singles[number], &taken) * 10 / wide(single);
                if better(gain, &best) {
                    best = Some((gain, Choice::Single(number)));
                }
            }
            match best {
                Some((gain, choice)) if gain >= self.least => {
                    self.take(&choice, &mut taken);
                    chosen.push(choice);
                }
                _ => break,
            }
        }
        chosen
    }

    /// Takes out rules whose going costs next to nothing.
    fn prune(&self, mut chosen: Vec<Choice>) -> Vec<Choice> {
        loop {
            let taken = self.taken(&chosen);
            let alone = |choice: &Choice| {
                let mut classes: Vec<u32> = self.lists(choice).collect();
                classes.sort_unstable();
                classes.dedup();
                let own = classes.into_iter().filter(|class| taken[*class as usize] == 1);
                own.map(|class| self.classes.weights[class as usize]).sum::<u64>()
            };
            let worst = chosen.iter().enumerate().map(|(at, choice)| (alone(choice), at)).min();
            match worst {
                Some((alone, at)) if alone < self.least => chosen.remove(at),
                _ => return chosen,
            };
        }
    }
}

/// In tenths, how much more a rule must take that asks for no protocol.
fn wide(single: &Single) -> u64 {
    if single.pattern.protocol.is_empty() && !single.pattern.source.is_empty() { 11 } else { 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::noise::pattern::Pattern;
    use crate::analysis::noise::sighting::To;
    use crate::analysis::suggest::candidate::Reason;

    fn candidates(ports: &[(u16, std::ops::Range<u32>)], singles: &[std::ops::Range<u32>]) -> Candidates {
        let pack = Pack {
            reason: Reason::Radiation,
            input: Some(b"e".to_vec()),
            v6: false,
            protocol: 6,
            to: To::One,
        };
        Candidates {
            ports: ports
                .iter()
                .map(|(port, lines)| Port { pack: pack.clone(), port: *port, lines: lines.clone().collect() })
                .collect(),
            singles: singles
                .iter()
                .map(|lines| Single {
                    reason: Reason::Scanner,
                    pattern: Pattern { protocol: vec![6], ..Pattern::default() },
                    what: String::new(),
                    lines: lines.clone().collect(),
                })
                .collect(),
            ..Candidates::default()
        }
    }

    #[test]
    fn ports_are_packed_by_what_is_left() {
        let ports: Vec<(u16, std::ops::Range<u32>)> =
            (0..20).map(|i| (i, u32::from(i) * 10..u32::from(i) * 10 + 10)).collect();
        let chosen = choose(&candidates(&ports, &[]), 20, 5.0);
        assert_eq!(chosen.len(), 2);
        assert_eq!(choose(&candidates(&ports, &[]), 1, 5.0).len(), 1);
    }

    #[test]
    fn an_exchange_takes_out_what_others_cover() {
        // Greedy takes the middle first; the two sides cover it.
        let sides = [0..60, 60..120, 10..100];
        let chosen = choose(&candidates(&[], &sides), 2, 5.0);
        assert_eq!(chosen.len(), 2);
        assert!(chosen.contains(&Choice::Single(0)) && chosen.contains(&Choice::Single(1)), "{chosen:?}");
    }

    #[test]
    fn what_is_not_worth_a_place_is_left() {
        assert!(choose(&candidates(&[(1, 0..4)], &[]), 20, 5.0).is_empty());
    }
}
