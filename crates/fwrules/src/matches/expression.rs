//! nft's expressions that do not map to a condition.
//!
//! Responsible for: keeping them, and showing them in nft's own words.
//! Must not know: what an expression means. Nothing reads this text again.
//! Tested by: the unit test below, `tests/kernel.rs`.

use serde_json::Value;

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::values::text::Text;
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::piece::Pieces;

/// nft: an expression that does not map to a match here, as its JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression(pub Text);

impl Kind for Expression {
    fn save(&self, out: &mut Pieces) {
        // Only for people: iptables has no word for it.
        out.bare("nft:");
        match shown(self.0.as_bytes()) {
            Some(shown) => out.bare(shown),
            None => out.word(self.0.as_bytes()),
        }
    }

    fn evaluate(&self, _: &View<'_>) -> Tri {
        Tri::Unknown(Why::Match)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Beyond);
    }
}

/// The words for an expression's JSON; `None` if there are none.
fn shown(json: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(json).ok()?;
    let (kind, body) = value.as_object()?.iter().next()?;
    match kind.as_str() {
        "match" => {
            let (left, right) = (words(body.get("left")?)?, words(body.get("right")?)?);
            Some(match body.get("op")?.as_str()? {
                "==" | "in" => format!("{left} {right}"),
                op => format!("{left} {op} {right}"),
            })
        }
        "limit" => {
            let over = if body.get("inv").and_then(Value::as_bool) == Some(true) { "over " } else { "" };
            let rate = body.get("rate")?.as_u64()?;
            let unit =
                body.get("rate_unit").and_then(Value::as_str).map_or(String::new(), |u| format!(" {u}"));
            Some(format!("limit rate {over}{rate}{unit}/{}", body.get("per")?.as_str()?))
        }
        "vmap" => Some(format!("{} vmap {}", words(body.get("key")?)?, words(body.get("data")?)?)),
        _ => None,
    }
}

fn words(value: &Value) -> Option<String> {
    let list = |list: &Value, between: &str| -> Option<String> {
        Some(list.as_array()?.iter().map(words).collect::<Option<Vec<_>>>()?.join(between))
    };
    let object = match value {
        Value::String(text) => return Some(text.clone()),
        Value::Number(number) => return Some(number.to_string()),
        Value::Bool(is) => return Some(if *is { "exists" } else { "missing" }.to_owned()),
        // A pair of a map, or several values.
        Value::Array(pair) if pair.len() == 2 => {
            return Some(format!("{} : {}", words(&pair[0])?, words(&pair[1])?));
        }
        Value::Array(_) => return list(value, ", "),
        Value::Object(object) => object,
        Value::Null => return Some(String::new()),
    };
    let (kind, body) = object.iter().next()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let number = |key: &str| body.get(key).and_then(Value::as_u64);
    Some(match kind.as_str() {
        "payload" => match (text("protocol"), text("field")) {
            (Some(protocol), Some(field)) => format!("{protocol} {field}"),
            _ => format!("@{},{},{}", text("base")?, number("offset")?, number("len")?),
        },
        "meta" => format!("meta {}", text("key")?),
        "ct" => match text("dir") {
            Some(dir) => format!("ct {dir} {}", text("key")?),
            None => format!("ct {}", text("key")?),
        },
        kind @ ("exthdr" | "tcp option" | "ip option") => match text("field") {
            Some(field) => format!("{kind} {} {field}", text("name")?),
            None => format!("{kind} {}", text("name")?),
        },
        kind @ ("rt" | "socket" | "osf") => format!("{kind} {}", text("key")?),
        "fib" => {
            let flags = match body.get("flags")? {
                Value::String(one) => one.clone(),
                flags => list(flags, " . ")?.replace(" : ", " . "),
            };
            format!("fib {flags} {}", text("result")?)
        }
        "set" => match body.as_array() {
            Some(all) => format!("{{ {} }}", all.iter().map(words).collect::<Option<Vec<_>>>()?.join(", ")),
            None => words(body)?,
        },
        "prefix" => format!("{}/{}", words(body.get("addr")?)?, number("len")?),
        "range" => {
            let ends = body.as_array()?;
            format!("{}-{}", words(ends.first()?)?, words(ends.get(1)?)?)
        }
        "concat" => body.as_array()?.iter().map(words).collect::<Option<Vec<_>>>()?.join(" . "),
        op @ ("&" | "|" | "^" | "<<" | ">>") => {
            body.as_array()?.iter().map(words).collect::<Option<Vec<_>>>()?.join(&format!(" {op} "))
        }
        "elem" => words(body.get("val")?)?,
        kind @ ("jump" | "goto") => format!("{kind} {}", text("target")?),
        kind @ ("accept" | "drop" | "return" | "continue" | "queue") => kind.to_owned(),
        "numgen" => format!("numgen {} mod {}", text("mode")?, number("mod")?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn in_the_words_of_nft() {
        for (json, words) in [
            (
                r#"{"match":{"op":"!=","left":{"&":[{"payload":{"protocol":"ip","field":"frag-off"}},8191]},"right":0}}"#,
                "ip frag-off & 8191 != 0",
            ),
            (
                r#"{"match":{"op":"==","left":{"payload":{"protocol":"icmp","field":"type"}},"right":{"set":["echo-reply","time-exceeded"]}}}"#,
                "icmp type { echo-reply, time-exceeded }",
            ),
            (
                r#"{"match":{"op":"==","left":{"payload":{"base":"th","offset":16,"len":16}},"right":{"range":[1,53]}}}"#,
                "@th,16,16 1-53",
            ),
            (r#"{"limit":{"rate":3,"per":"second","inv":true}}"#, "limit rate over 3/second"),
            (
                r#"{"vmap":{"key":{"ct":{"key":"mark"}},"data":{"set":[[1,{"accept":null}],[2,{"jump":{"target":"x"}}]]}}}"#,
                "ct mark vmap { 1 : accept, 2 : jump x }",
            ),
        ] {
            assert_eq!(shown(json.as_bytes()).as_deref(), Some(words));
        }
        assert_eq!(shown(b"{\"xt\":null}"), None);
        assert_eq!(shown(b"no json"), None);
    }
}
