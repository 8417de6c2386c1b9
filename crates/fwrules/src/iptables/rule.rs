//! Reads what stands after the chain: options, matches, the target.
//!
//! Responsible for: words -> options -> conditions, with the column of what is wrong. What is
//! known to iptables but not here is kept word by word.
//! Must not know: chains, tables.
//! Tested by: the unit tests of `iptables::parse`, `tests/roundtrip.rs`.

use logparse::Protocol;

use crate::iptables::target;
use crate::matches::{self, Address, Condition, Fragment, OnInterface, Other};
use crate::model::rule::{Counters, Rule};
use crate::model::target::Target;
use crate::values::error::ReadError;
use crate::values::names;
use crate::values::net::{Family, Interface, Net, Side, Test};
use crate::values::text::{Text, Word};
use crate::words::option::{Opt, flat};

type Result<T> = core::result::Result<T, ReadError>;

/// Reads what stands after the chain.
pub(crate) fn rule(words: &[Word], family: Family) -> Result<Rule> {
    let mut reader =
        Reader { words, at: 0, rule: Rule::default(), parts: Vec::new(), target: None, goto: None };
    while let Some(found) = reader.next_option()? {
        reader.option(found)?;
    }
    let Reader { mut rule, parts, target, goto, .. } = reader;
    for part in &parts {
        rule.set(condition(part, family)?);
    }
    if let Some(part) = target {
        target::set(&mut rule, &part.module, &part.options, family)?;
    }
    if let Some(chain) = goto {
        rule.target = Target::Goto(chain.text);
    }
    // Of a hundred thousand rules, what is kept in reserve is a lot.
    rule.conditions.shrink_to_fit();
    Ok(rule)
}

/// The options after one `-m` or `-j`.
struct Part {
    module: Word,
    options: Vec<Opt>,
}

impl Part {
    fn new(module: Word) -> Part {
        Part { module, options: Vec::new() }
    }

    fn arity(&self, option: &str) -> Option<usize> {
        arity(self.module.text.as_str()?, option)
    }
}

/// Reads one `-m` with its options; what has no type is kept as words.
fn condition(part: &Part, family: Family) -> Result<Condition> {
    let module = part.module.text.as_str().unwrap_or("");
    if part.options.iter().all(|o| matches::arity(module, o.name()).is_some())
        && let Some(condition) = matches::parse(module, &part.options, family)?
    {
        return Ok(condition);
    }
    Ok(Other { module: part.module.text.clone(), words: flat(&part.options) }.into())
}

/// How many values an option of a match or target takes.
fn arity(module: &str, option: &str) -> Option<usize> {
    matches::arity(module, option).or_else(|| target::arity(module, option))
}

/// The module whose options a protocol brings with it.
fn implied(protocol: Protocol) -> Option<&'static str> {
    Some(match protocol {
        Protocol::DCCP => "dccp",
        Protocol::ICMPV6 => "icmp6",
        other => names::protocol_name(other)?,
    })
}

/// An option where it was found.
struct Found<'w> {
    word: &'w Word,
    name: &'w str,
    /// The value of `--name=value`.
    inline: Option<&'w str>,
    not: bool,
    /// The index of its first word, which may be `!`.
    start: usize,
}

struct Reader<'w> {
    words: &'w [Word],
    at: usize,
    rule: Rule,
    parts: Vec<Part>,
    target: Option<Part>,
    goto: Option<Word>,
}

impl<'w> Reader<'w> {
    fn next_option(&mut self) -> Result<Option<Found<'w>>> {
        let start = self.at;
        let Some(first) = self.words.get(start) else { return Ok(None) };
        let not = !first.quoted && first.text == "!";
        self.at += usize::from(not);
        let Some(word) = self.words.get(self.at) else {
            let help = "it belongs in front of an option: ! -s 10.0.0.0/8";
            return Err(ReadError::new(first.column, "a ! at the end", help));
        };
        if !word.text.as_bytes().starts_with(b"-") || word.text.as_bytes().len() < 2 {
            return Err(ReadError::new(
                word.column,
                format!("expected an option, found `{}`", word.text),
                "options begin with -; quote a text with blanks",
            ));
        }
        self.at += 1;
        let name = word.text.as_str().ok_or_else(|| {
            ReadError::new(word.column, format!("unknown option `{}`", word.text), "options are ASCII")
        })?;
        // `--opt=value`
        let (name, inline) = match name.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (name, None),
        };
        Ok(Some(Found { word, name, inline, not, start }))
    }

    /// The old place of `!`: after the option.
    fn old_not(&mut self, found: &mut Found<'_>) {
        let next_is_value =
            self.words.get(self.at + 1).is_some_and(|w| w.quoted || !w.text.as_bytes().starts_with(b"-"));
        if self.words.get(self.at).is_some_and(|w| !w.quoted && w.text == "!") && next_is_value {
            self.at += 1;
            found.not = !found.not;
        }
    }

    /// The value of an option of the header.
    fn value(&mut self, found: &mut Found<'_>, what: &str) -> Result<Word> {
        if let Some(value) = found.inline {
            return Ok(Word { text: Text::from(value), column: found.word.column, quoted: false });
        }
        self.old_not(found);
        let value = self.words.get(self.at).cloned().ok_or_else(|| {
            let message = format!("{} needs {what}", found.name);
            ReadError::new(found.word.column, message, missing_help(found.name))
        })?;
        self.at += 1;
        Ok(value)
    }

    /// Puts a test into the header. One that fits everything is none.
    fn header(&mut self, condition: impl Into<Condition>, fits_all: bool) {
        let condition = condition.into();
        if fits_all {
            self.rule.conditions.retain(|c| c.header_place() != condition.header_place());
        } else {
            self.rule.set(condition);
        }
    }

    fn option(&mut self, mut found: Found<'w>) -> Result<()> {
        let name = found.name;
        match name {
            "-p" | "--protocol" | "--proto" => {
                let value = self.value(&mut found, "a protocol")?;
                let protocol = value.text.as_str().and_then(names::protocol).ok_or_else(|| {
                    let message = format!("unknown protocol `{}`", value.text);
                    ReadError::new(value.column, message, "write its number: -p 47")
                })?;
                // 0 is every protocol.
                self.header(Test { not: found.not, value: protocol }, protocol.0 == 0 && !found.not);
            }
            "-s" | "--source" | "--src" | "-d" | "--destination" | "--dst" => {
                let net = net(&self.value(&mut found, "an address")?)?;
                let source = matches!(name, "-s" | "--source" | "--src");
                let side = if source { Side::Source } else { Side::Destination };
                let address = Address { side, net: Test { not: found.not, value: net } };
                self.header(address, net.is_any() && !found.not);
            }
            "-i" | "--in-interface" | "-o" | "--out-interface" => {
                let interface = Interface(self.value(&mut found, "an interface")?.text);
                // `+` alone is every interface.
                let any = interface.wildcard() == Some(b"");
                let input = matches!(name, "-i" | "--in-interface");
                let test = OnInterface { input, name: Test { not: found.not, value: interface } };
                self.header(test, any && !found.not);
            }
            "-f" | "--fragment" => self.rule.set(Fragment(!found.not)),
            "-c" | "--set-counters" => self.counters(&found)?,
            "-m" | "--match" => {
                let value = self.value(&mut found, "a match")?;
                self.parts.push(Part::new(value));
            }
            "-j" | "--jump" => self.target = Some(Part::new(self.value(&mut found, "a target")?)),
            "-g" | "--goto" => self.goto = Some(self.value(&mut found, "a chain")?),
            "-4" | "--ipv4" | "-6" | "--ipv6" | "-v" | "--verbose" | "-n" | "--numeric" | "-w" | "--wait" => {
            }
            _ => return self.extension(found),
        }
        if found.not && matches!(name, "-m" | "--match" | "-j" | "--jump" | "-g" | "--goto" | "-c") {
            let message = format!("! cannot stand in front of {name}");
            let column = self.words[found.start].column;
            return Err(ReadError::new(column, message, "put it in front of the option it negates"));
        }
        Ok(())
    }

    fn counters(&mut self, found: &Found<'_>) -> Result<()> {
        let number = |at: usize| self.words.get(at).and_then(|w| w.text.as_str()?.parse::<u64>().ok());
        let (Some(packets), Some(bytes)) = (number(self.at), number(self.at + 1)) else {
            return Err(ReadError::new(found.word.column, "-c needs two numbers", "write -c PACKETS BYTES"));
        };
        self.rule.counters = Some(Counters { packets, bytes });
        self.at += 2;
        Ok(())
    }

    /// Whose option is it? First the target's, then that of a match named before, then of the
    /// one that the protocol brings along.
    fn owner(&mut self, found: &Found<'_>) -> Option<&mut Part> {
        let (name, column) = (found.name, found.word.column);
        let by_protocol = self.rule.of_protocol().and_then(implied);
        if self.target.as_ref().is_some_and(|part| part.arity(name).is_some()) {
            self.target.as_mut()
        } else if let Some(i) = self.parts.iter().rposition(|part| part.arity(name).is_some()) {
            self.parts.get_mut(i)
        } else if let Some(module) = by_protocol.filter(|m| arity(m, name).is_some()) {
            self.parts.push(Part::new(Word { text: Text::from(module), column, quoted: false }));
            self.parts.last_mut()
        } else if self.target.is_some() {
            self.target.as_mut()
        } else {
            self.parts.last_mut()
        }
    }

    /// An option of a match or of the target.
    fn extension(&mut self, mut found: Found<'_>) -> Result<()> {
        let (name, column) = (found.name, found.word.column);
        let Some(part) = self.owner(&found) else {
            return Err(ReadError::new(
                column,
                format!("unknown option `{name}`"),
                "name the match it belongs to in front: -m MODULE, or the protocol: -p tcp",
            ));
        };
        let arity = part.arity(name);
        let inline = found.inline.map(|value| Word { text: Text::from(value), column, quoted: true });
        let mut values: Vec<Word> = inline.into_iter().collect();
        match arity {
            Some(count) => {
                if count > 0 && values.is_empty() {
                    self.old_not(&mut found);
                }
                while values.len() < count {
                    let value = self.words.get(self.at).ok_or_else(|| {
                        let what = if count == 1 { "a value" } else { "two values" };
                        ReadError::new(column, format!("{name} needs {what}"), "write it behind")
                    })?;
                    values.push(value.clone());
                    self.at += 1;
                }
            }
            // Not known here: everything up to the next option belongs to it.
            None => {
                let option =
                    |w: &Word| !w.quoted && w.text.as_bytes().len() > 1 && w.text.as_bytes()[0] == b'-';
                while let Some(value) = self.words.get(self.at) {
                    let next = self.words.get(self.at + 1);
                    let negation = !value.quoted && value.text == "!" && next.is_none_or(option);
                    if option(value) || negation {
                        break;
                    }
                    values.push(value.clone());
                    self.at += 1;
                }
            }
        }
        let name = Word { text: Text::from(name), ..found.word.clone() };
        let option = Opt { name, not: found.not, values };
        if let Some(part) = self.owner(&found) {
            part.options.push(option);
        }
        Ok(())
    }
}

fn missing_help(option: &str) -> &'static str {
    match option {
        "-j" | "--jump" => "write -j DROP or the name of a chain",
        "-p" | "--protocol" | "--proto" => "write -p tcp",
        "-s" | "-d" => "write 10.0.0.0/8",
        _ => "write it behind",
    }
}

fn net(word: &Word) -> Result<Net> {
    let bad =
        |help: &str| ReadError::new(word.column, format!("`{}` is no address or network", word.text), help);
    let text = word.text.as_str().ok_or_else(|| bad("write 10.0.0.0/8"))?;
    if text.contains(',') {
        return Err(bad("iptables makes one rule of each address in a list: write one rule per address"));
    }
    Net::parse(text).ok_or_else(|| {
        match text.bytes().any(|b| b.is_ascii_alphabetic()) && !text.contains(':') {
            true => bad("names are not looked up: write the address"),
            false => bad("write 10.0.0.0/8 or 2001:db8::/32"),
        }
    })
}
