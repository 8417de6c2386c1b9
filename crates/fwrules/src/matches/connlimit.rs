//! `-m connlimit`.
//!
//! Responsible for: that one match. How many connections there are, the kernel knows and no line
//! tells.
//! Must not know: connection tracking.
//! Tested by: the unit test below, `tests/roundtrip.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Side};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, number};
use crate::words::piece::Pieces;

/// `-m connlimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnLimit {
    /// `--connlimit-above` (`false`: `--connlimit-upto`).
    pub above: bool,
    /// How many connections.
    pub limit: u32,
    /// `--connlimit-mask`: connections of a network with a prefix of so many bits are counted
    /// together.
    pub prefix: u8,
    /// `--connlimit-saddr`, `--connlimit-daddr`: whose connections are counted.
    pub side: Side,
}

impl Kind for ConnLimit {
    const MODULES: &'static [Module] = &[(
        "connlimit",
        &[
            ("--connlimit-above", 1),
            ("--connlimit-upto", 1),
            ("--connlimit-mask", 1),
            ("--connlimit-saddr", 0),
            ("--connlimit-daddr", 0),
        ],
    )];

    fn parse(_: &str, options: &[Opt], family: Family) -> Result<Option<ConnLimit>, ReadError> {
        let bits = if family == Family::Ipv6 { 128 } else { 32 };
        let (mut count, mut prefix, mut side) = (None, bits, Side::Source);
        for o in options {
            match o.name() {
                "--connlimit-mask" => {
                    let fits = |text: &str| text.parse().ok().filter(|n| *n <= bits);
                    prefix = o.read(&format!("a prefix length up to {bits}"), fits)?;
                }
                "--connlimit-saddr" => side = Side::Source,
                "--connlimit-daddr" => side = Side::Destination,
                name => {
                    let above = (name == "--connlimit-above") != o.not;
                    count = Some((above, o.read("a number of connections", number)?));
                }
            }
        }
        Ok(count.map(|(above, limit)| ConnLimit { above, limit, prefix, side }))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("connlimit");
        let (word, side) = (if self.above { "above" } else { "upto" }, self.side.of("saddr", "daddr"));
        let (limit, prefix) = (self.limit, self.prefix);
        out.bare(format!("--connlimit-{word} {limit} --connlimit-mask {prefix} --connlimit-{side}"));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        // By address, nft counts in a set that has to be made before the rule.
        if self.prefix > 0 {
            return Err(None);
        }
        nft.push(&format!("ct count {}{}", if self.above { "over " } else { "" }, self.limit));
        Ok(())
    }

    fn evaluate(&self, _: &View<'_>) -> Tri {
        Tri::Unknown(Why::Memory)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Beyond);
    }
}

#[cfg(test)]
mod tests {
    use crate::Why;
    use crate::matches::kind::tried;

    #[test]
    fn read_saved_and_unknown() {
        for (typed, saved, nft) in [
            (
                "-m connlimit --connlimit-above 3 -j DROP",
                "-m connlimit --connlimit-above 3 --connlimit-mask 32 --connlimit-saddr -j DROP",
                None,
            ),
            (
                "-m connlimit ! --connlimit-above 5 --connlimit-mask 0 --connlimit-daddr -j ACCEPT",
                "-m connlimit --connlimit-upto 5 --connlimit-mask 0 --connlimit-daddr -j ACCEPT",
                Some("ct count 5 accept"),
            ),
            (
                "-m connlimit --connlimit-upto 2 -j DROP",
                "-m connlimit --connlimit-upto 2 --connlimit-mask 32 --connlimit-saddr -j DROP",
                None,
            ),
        ] {
            tried::rule(typed, saved, nft, Why::Memory);
        }
        let (_, first_packets) = crate::Rule::parse(b"-p tcp --syn -m connlimit --connlimit-above 3 -j DROP").unwrap();
        let shown = first_packets.to_display();
        assert!(shown.ends_with("--connlimit-above 3 --connlimit-mask 32 --connlimit-saddr -j DROP"), "{shown}");
        assert!(first_packets.to_nft(crate::Family::Ipv4).is_err());
    }
}
