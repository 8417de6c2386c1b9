//! `-m statistic`.
//!
//! Responsible for: that one match. Which packet is taken depends on chance, or on how many the
//! kernel has counted: no line tells.
//! Must not know: rates.
//! Tested by: the unit test below, `tests/roundtrip.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Test};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, number};
use crate::words::piece::Pieces;

/// `-m statistic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Statistic {
    /// `--mode random --probability`: in parts of 2³¹, as the kernel has it.
    Random(Test<u32>),
    /// `--mode nth --every N --packet P`: N, at least 1, and P, below N.
    Nth {
        /// One packet out of so many.
        every: Test<u32>,
        /// Which of them, from 0.
        packet: u32,
    },
}

/// Parts of a certain probability (`lround(0x80000000 * p)` of `libxt_statistic.c`).
const WHOLE: f64 = 2_147_483_648.0;

impl Kind for Statistic {
    const MODULES: &'static [Module] =
        &[("statistic", &[("--mode", 1), ("--probability", 1), ("--every", 1), ("--packet", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Statistic>, ReadError> {
        let (mut mode, mut probability, mut every, mut packet) = (None, None, None, 0);
        for o in options {
            match o.name() {
                "--mode" => mode = Some(o.str()?),
                "--probability" => {
                    let part = |p: f64| (0.0..=1.0).contains(&p).then(|| (p * WHOLE).round() as u32);
                    probability = Some(o.read_test("a number from 0 to 1", |text| part(text.parse().ok()?))?);
                }
                "--every" => every = Some(o.read_test("a number from 1", |text| number(text).filter(|n| *n > 0))?),
                _ => packet = o.read("a number", number)?,
            }
        }
        Ok(match (mode, probability, every) {
            (Some("random"), Some(probability), None) => Some(Statistic::Random(probability)),
            (Some("nth"), None, Some(every)) if packet < every.value => Some(Statistic::Nth { every, packet }),
            _ => None,
        })
    }

    fn save(&self, out: &mut Pieces) {
        out.module("statistic");
        out.bare("--mode");
        match self {
            Statistic::Random(test) => {
                out.bare("random");
                out.option(test, "--probability", format!("{:.11}", f64::from(test.value) / WHOLE));
            }
            Statistic::Nth { every, packet } => {
                out.bare("nth");
                out.option(every, "--every", every.value.to_string());
                out.bare("--packet");
                out.bare(packet.to_string());
            }
        }
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        match self {
            // As `iptables-nft` has it.
            Statistic::Random(test) => {
                let op = if test.not { ">=" } else { "<" };
                nft.push(&format!("meta random & 2147483647 {op} {}", test.value));
            }
            // Both count from 0 (`xt_statistic.c`, `nft_numgen.c`).
            Statistic::Nth { every, packet } => {
                nft.test(&format!("numgen inc mod {}", every.value), every.not, packet);
            }
        }
        Ok(())
    }

    fn evaluate(&self, _: &View<'_>) -> Tri {
        Tri::Unknown(Why::Chance)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Beyond);
    }
}

#[cfg(test)]
mod tests {
    use crate::matches::kind::tried;
    use crate::{Condition, Rule, Why};

    #[test]
    fn read_saved_and_unknown() {
        for (typed, saved, nft) in [
            (
                "-m statistic --mode random --probability 0.3 -j DROP",
                "-m statistic --mode random --probability 0.29999999981 -j DROP",
                "meta random & 2147483647 < 644245094 drop",
            ),
            (
                "-m statistic --mode random ! --probability 1 -j DROP",
                "-m statistic --mode random ! --probability 1.00000000000 -j DROP",
                "meta random & 2147483647 >= 2147483648 drop",
            ),
            (
                "-m statistic --mode nth --every 3 --packet 1 -j DROP",
                "-m statistic --mode nth --every 3 --packet 1 -j DROP",
                "numgen inc mod 3 1 drop",
            ),
        ] {
            tried::rule(typed, saved, Some(nft), Why::Chance);
        }
        assert!(Rule::parse(b"-m statistic --mode random --probability 2 -j DROP").is_err());
        let (_, kept) = Rule::parse(b"-m statistic --mode nth --every 3 --packet 3 -j DROP").unwrap();
        assert!(matches!(kept.conditions[..], [Condition::Other(_)]));
    }
}
