//! What is looked at: a stack of parts of a filter, a span of time, how fine networks are.
//!
//! Responsible for: the parts, the filter that they are, and the options of other commands that ask the same.
//! Must not know: screens, files.
//! Tested by: the unit tests below, `tests/cli/watch.rs`.

use std::net::IpAddr;

use fwlog::aggregate::windows::Span;
use fwlog::filter::{Filter, Set, expr};
use fwlog::record::{Field, Key};
use fwlog::text::{escape, quoted};
use fwlog::time::clock::{NANOS, local_text, utc_text};
use logparse::Protocol;

/// What a row stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A prefix, without trailing blanks.
    Prefix(Vec<u8>),
    /// A network, and the length of its prefix.
    Net(IpAddr, u8),
    /// A destination port, or a protocol without ports.
    Port(Option<u16>, u8),
    /// A span of time (local seconds), its end not included; its offset from UTC.
    Time(i64, i64, i32),
    /// An expression.
    Where(String),
}

/// A part of the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Packets of this.
    pub what: What,
    /// Or all others.
    pub not: bool,
}

/// Spans of time that are looked at, the widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the names say it
pub enum Window {
    #[default]
    All,
    Day,
    Hour,
    FiveMinutes,
    Minute,
}

impl Window {
    const EACH: [Window; 5] = [Window::All, Window::Day, Window::Hour, Window::FiveMinutes, Window::Minute];

    /// As people write it, and as `--window` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Window::All => "all",
            Window::Day => "24 h",
            Window::Hour => "1 h",
            Window::FiveMinutes => "5 min",
            Window::Minute => "1 min",
        }
    }

    /// The one of a name, with or without its blank.
    #[must_use]
    pub fn named(text: &str) -> Option<Window> {
        let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
        Window::EACH.into_iter().find(|window| plain(window.name()) == plain(text))
    }

    /// How many seconds it has; none for all.
    #[must_use]
    pub fn seconds(self) -> Option<i64> {
        match self {
            Window::All => None,
            Window::Day => Some(86_400),
            Window::Hour => Some(3_600),
            Window::FiveMinutes => Some(300),
            Window::Minute => Some(60),
        }
    }

    /// Its slices; `all` of them at most where it has no end.
    #[must_use]
    pub fn span(self, all: usize) -> Span {
        const SLICES: usize = 60;
        match self.seconds() {
            None => Span::All { slices: all },
            Some(seconds) => Span::Last { slices: SLICES, width: seconds / SLICES as i64 },
        }
    }

    /// The next narrower one, or the next wider one; `None` at the end.
    #[must_use]
    pub fn next(self, narrower: bool) -> Option<Window> {
        let at = Window::EACH.iter().position(|own| *own == self).unwrap_or(0);
        let at = if narrower { at + 1 } else { at.checked_sub(1)? };
        Window::EACH.get(at).copied()
    }
}

/// How fine networks are: hosts, /24 and /64, /16 and /48.
pub const LEVELS: [(u8, u8); 3] = [(32, 128), (24, 64), (16, 48)];

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// All of these.
    pub parts: Vec<Part>,
    /// The time.
    pub window: Window,
    /// Index into [`LEVELS`].
    pub level: usize,
}

impl Default for Question {
    /// Everything, by networks.
    fn default() -> Question {
        Question { parts: Vec::new(), window: Window::All, level: 1 }
    }
}

/// A network as people write it: a host without its length.
#[must_use]
pub fn net_text(address: IpAddr, length: u8) -> String {
    let whole = if address.is_ipv4() { 32 } else { 128 };
    if length == whole { address.to_string() } else { format!("{address}/{length}") }
}

/// A protocol as people write it.
#[must_use]
pub fn protocol_text(protocol: u8) -> String {
    Protocol(protocol).to_string().to_ascii_lowercase()
}

impl What {
    /// As people read it in the stack of the filter.
    #[must_use]
    pub fn shown(&self, not: bool) -> String {
        let not = if not { "!" } else { "" };
        match self {
            What::Prefix(prefix) if prefix.is_empty() => format!("prefix {not}(empty)"),
            What::Prefix(prefix) => format!("prefix {not}{}", escape(prefix)),
            What::Net(address, length) => format!("src {not}{}", net_text(*address, *length)),
            What::Port(Some(port), protocol) => format!("dport {not}{port}/{}", protocol_text(*protocol)),
            What::Port(None, protocol) => format!("proto {not}{}", protocol_text(*protocol)),
            What::Time(from, to, _) => {
                format!("time {not}{} to {}", local_text(*from), &local_text(*to - 1)[11..])
            }
            What::Where(text) if not.is_empty() => escape(text.as_bytes()),
            What::Where(text) => format!("not ({})", escape(text.as_bytes())),
        }
    }

    /// As an expression of `--where`; none where it cannot be typed.
    #[must_use]
    pub fn expression(&self) -> Option<String> {
        Some(match self {
            What::Prefix(prefix) => {
                let text = std::str::from_utf8(prefix).ok()?;
                if text.chars().any(fwlog::text::is_unsafe_to_display) {
                    return None;
                }
                format!("prefix = \"{}\"", text.replace('"', "\"\""))
            }
            What::Net(address, length) => format!("src in {}", net_text(*address, *length)),
            What::Port(Some(port), protocol) => {
                format!("dport = {port} and proto = {}", protocol_text(*protocol))
            }
            What::Port(None, protocol) => format!("proto = {}", protocol_text(*protocol)),
            What::Time(from, to, offset) => {
                let at = |local: i64| utc_text((local - i64::from(*offset)).saturating_mul(NANOS));
                format!("time >= \"{}\" and time < \"{}\"", at(*from), at(*to))
            }
            What::Where(text) => text.clone(),
        })
    }

    /// The test.
    fn filter(&self, context: &expr::Context<'_>) -> Result<Filter, String> {
        let is = |key: Key, set: Set| Filter::In(Field::of(key), set);
        let proto = |protocol: u8| is(Key::ProtoNumber, Set::number(u64::from(protocol)));
        Ok(match self {
            What::Prefix(prefix) => match std::str::from_utf8(prefix) {
                Ok(text) => is(Key::Prefix, Set::text(text)),
                Err(_) => Filter::Prefix(prefix.clone()),
            },
            What::Net(address, length) => is(Key::Src, Set::parse(Key::Src, &format!("{address}/{length}"))?),
            What::Port(Some(port), protocol) => {
                Filter::And(vec![is(Key::Dpt, Set::number(u64::from(*port))), proto(*protocol)])
            }
            What::Port(None, protocol) => proto(*protocol),
            What::Time(from, to, offset) => {
                let at = |local: i64| (local - i64::from(*offset)).saturating_mul(NANOS);
                Filter::Between(at(*from), at(*to) - 1)
            }
            What::Where(text) => expr::parse(text, context)?,
        })
    }

    /// The options of other commands that ask for it, if there are such: which, and the value of each.
    fn options(&self, not: bool, prefixes: &[Vec<u8>]) -> Option<Vec<(&'static str, String)>> {
        let mark = if not { "!" } else { "" };
        Some(match self {
            What::Prefix(prefix) => {
                let text = std::str::from_utf8(prefix).ok()?;
                let plain = !text.is_empty()
                    && !text.starts_with(['!', '-'])
                    && !text.contains(['*', '?', ','])
                    && !text.chars().any(fwlog::text::is_unsafe_to_display);
                // The option means: contains.
                let contains = |other: &&Vec<u8>| memchr::memmem::find(other, prefix).is_some();
                if !plain || prefixes.iter().filter(contains).count() > 1 {
                    return None;
                }
                vec![("--prefix", format!("{mark}{text}"))]
            }
            What::Net(address, length) => vec![("-s", format!("{mark}{}", net_text(*address, *length)))],
            What::Port(Some(port), protocol) if !not => {
                vec![("-p", protocol_text(*protocol)), ("--dport", port.to_string())]
            }
            What::Port(None, protocol) => vec![("-p", format!("{mark}{}", protocol_text(*protocol)))],
            _ => return None,
        })
    }
}

impl Question {
    /// The filter that its parts are.
    ///
    /// # Errors
    /// What is wrong with an expression.
    pub fn filter(&self, context: &expr::Context<'_>) -> Result<Filter, String> {
        let mut all = Vec::new();
        for part in &self.parts {
            let filter = part.what.filter(context)?;
            all.push(if part.not { Filter::Not(Box::new(filter)) } else { filter });
        }
        Ok(Filter::all(all))
    }

    /// The same as options of other commands, quoted for a shell, after options `typed` already; none if a part cannot
    /// be typed. `prefixes` are those of the log: `--prefix` means "contains". A window begins
    /// with `bounds`.
    #[must_use]
    pub fn options(
        &self,
        typed: &[&str],
        prefixes: &[Vec<u8>],
        bounds: Option<(i64, i64)>,
    ) -> Option<Vec<String>> {
        let mut taken: Vec<&str> = typed.to_vec();
        let (mut options, mut expressions) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let words = part.what.options(part.not, prefixes);
            // Values of one option are alternatives, but those with `!` are not.
            match words.filter(|words| part.not || words.iter().all(|(name, _)| !taken.contains(name))) {
                Some(words) => {
                    for (name, value) in words {
                        if !part.not {
                            taken.push(name);
                        }
                        options.push(format!("{name} {}", quoted(&value)));
                    }
                }
                None => {
                    let expression = part.what.expression()?;
                    let expression = if part.not { format!("not ({expression})") } else { expression };
                    expressions.push(format!("--where {}", quoted(&expression)));
                }
            }
        }
        if let (Some(_), Some((from, _))) = (self.window.seconds(), bounds)
            && !typed.contains(&"-S")
        {
            // The window ends with the log, not now.
            options.push(format!("-S {}", quoted(&local_text(from))));
        }
        options.extend(expressions);
        Some(options)
    }

    /// As people read it: `prefix tcp.in.dropped > dport 23/tcp`.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.parts.is_empty() {
            return "everything".to_owned();
        }
        let parts: Vec<String> = self.parts.iter().map(|part| part.what.shown(part.not)).collect();
        parts.join(" > ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(parts: Vec<(What, bool)>) -> Question {
        let parts = parts.into_iter().map(|(what, not)| Part { what, not }).collect();
        Question { parts, ..Question::default() }
    }

    fn net(text: &str, length: u8) -> What {
        What::Net(text.parse().unwrap(), length)
    }

    #[test]
    fn a_question_is_written_as_options() {
        let prefix = What::Prefix(b"tcp.in.dropped".to_vec());
        let telnet = What::Port(Some(23), 6);
        let question =
            asked(vec![(prefix.clone(), false), (telnet.clone(), false), (net("10.0.0.0", 8), true)]);
        assert_eq!(question.shown(), "prefix tcp.in.dropped > dport 23/tcp > src !10.0.0.0/8");
        let options = |question: &Question, typed: &[&str], prefixes: &[Vec<u8>]| {
            question.options(typed, prefixes, None).unwrap().join(" ")
        };
        let known = [b"tcp.in.dropped".to_vec()];
        assert_eq!(
            options(&question, &[], &known),
            "--prefix tcp.in.dropped -p tcp --dport 23 -s '!10.0.0.0/8'"
        );
        // A network in a network: two options of a kind would be alternatives.
        let nested = asked(vec![(net("10.0.0.0", 8), false), (net("10.1.2.3", 32), false)]);
        assert_eq!(options(&nested, &[], &[]), "-s 10.0.0.0/8 --where 'src in 10.1.2.3'");
        assert_eq!(options(&nested, &["-s"], &[]).matches("--where").count(), 2);
        // A prefix that others contain, or that an option would read as a pattern.
        let known = [b"drop".to_vec(), b"drop2".to_vec()];
        let question = asked(vec![(What::Prefix(b"drop".to_vec()), false)]);
        assert_eq!(options(&question, &[], &known), "--where 'prefix = \"drop\"'");
        let question = asked(vec![(What::Prefix(b"a*\"b".to_vec()), true)]);
        assert_eq!(options(&question, &[], &[]), "--where 'not (prefix = \"a*\"\"b\")'");
        // What cannot be typed is not written.
        assert_eq!(asked(vec![(What::Prefix(b"\x1b[31m".to_vec()), false)]).options(&[], &[], None), None);
        assert_eq!(asked(vec![(What::Prefix(vec![0xff]), false)]).options(&[], &[], None), None);
    }

    #[test]
    fn windows_have_an_order() {
        assert_eq!(Window::All.next(true), Some(Window::Day));
        assert_eq!((Window::All.next(false), Window::Minute.next(true)), (None, None));
        assert_eq!(Window::named("5min"), Some(Window::FiveMinutes));
        assert_eq!(Window::named("24 h"), Some(Window::Day));
        assert_eq!(Window::named("fortnight"), None);
    }
}
