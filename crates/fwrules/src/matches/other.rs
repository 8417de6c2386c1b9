//! Any match that has no type here, kept word by word.
//!
//! Responsible for: why such a match is unknown; what is known of `time` and `limit` all the same.
//! Must not know: how words are split.
//! Tested by: `tests/roundtrip.rs`, `tests/kernel.rs`, the unit tests of `eval::walk`.

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::matches::time;
use crate::values::text::Text;
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::piece::Pieces;

/// Any other match, kept word by word. It evaluates to unknown, but for `time`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Other {
    /// After `-m`.
    pub module: Text,
    /// Its options.
    pub words: Vec<Text>,
}

impl Kind for Other {
    fn save(&self, out: &mut Pieces) {
        out.bare("-m");
        out.word(self.module.as_bytes());
        out.words(&self.words);
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let text = if self.module == "limit" { limit(&self.words) } else { None };
        nft.push(&text.ok_or(None)?);
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let why = match self.module.as_str().unwrap_or("") {
            "limit" | "hashlimit" | "dstlimit" => Why::Rate,
            "recent" | "connlimit" | "quota" | "quota2" | "connbytes" | "rateest" | "nfacct" | "fuzzy"
            | "psd" => Why::Memory,
            "statistic" | "random" | "nth" | "condition" => Why::Chance,
            "string" | "u32" | "bpf" | "layer7" | "ndpi" | "tls" | "ipp2p" => Why::Payload,
            "socket" | "owner" | "cgroup" | "cpu" | "devgroup" => Why::Socket,
            "rpfilter" | "policy" | "realm" | "addrtype" | "osf" | "ecn" | "geoip" => Why::Host,
            "conntrack" | "state" | "connmark" | "connlabel" | "helper" | "cluster" => Why::State,
            "set" => Why::Set,
            "time" => {
                let is = view.context.time.and_then(|now| time::matches(&self.words, now));
                return is.map_or(Tri::Unknown(Why::Time), Tri::known);
            }
            _ => Why::Match,
        };
        Tri::Unknown(why)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(match self.module.as_str().unwrap_or("") {
            "time" => Look::Time,
            "string" | "u32" | "bpf" | "policy" | "ecn" | "ipv6header" | "rt" | "eui64" | "mh" | "hbh"
            | "dst" => Look::Content,
            _ => Look::Beyond,
        });
    }
}

/// `-m limit`'s words in nft's.
fn limit(words: &[Text]) -> Option<String> {
    let (mut rate, mut burst) = (None, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str()? {
            "--limit" => rate = words.next()?.as_str(),
            "--limit-burst" => burst = words.next()?.as_str(),
            _ => return None,
        }
    }
    let (count, unit) = rate?.split_once('/')?;
    let count: u32 = count.parse().ok()?;
    let unit = ["second", "minute", "hour", "day"].into_iter().find(|u| u.starts_with(unit))?;
    let burst: u32 = burst.unwrap_or("5").parse().ok()?;
    Some(format!("limit rate {count}/{unit} burst {burst} packets"))
}
