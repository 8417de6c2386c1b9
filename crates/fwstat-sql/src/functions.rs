//! Functions for addresses, networks, services and flags.
//!
//! Responsible for: their names, what they take and give. NULL gives NULL, and so does text that is no
//! address; a network that is none is an error. They have no state, so that a name is enough to send one
//! to another process.
//! Must not know: tables.
//! Tested by: the unit tests below.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryBuilder, Int64Array, StringArray,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::{as_fixed_size_binary_array, as_int64_array, as_string_array};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use fwlog::services;
use fwrules::Net;
use logparse::{IcmpType, Icmpv6Type, Protocol};

use DataType::{Boolean, Int64, Utf8};

/// Bytes of an address in binary.
const BYTES: i32 = 16;

/// A function of a row.
#[derive(Debug)]
struct Function {
    name: &'static str,
    takes: Signature,
    gives: DataType,
    body: fn(&[ArrayRef]) -> Result<ArrayRef>,
}

/// One name is one function.
impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.takes
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.gives.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let given = (self.body)(&arrays)?;
        if constant && given.len() == 1 {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&given, 0)?));
        }
        Ok(ColumnarValue::Array(given))
    }
}

/// Each function's name, what it takes, and what it is: for people.
pub const HELP: [(&str, &str, &str); 11] = [
    ("cidr_match", "(addr, network, ...)", "whether the address is in one of the networks"),
    ("network", "(addr, length [, length of IPv6])", "the address's network, as top's src/24"),
    ("is_private", "(addr)", "whether it is private (RFC 1918, fc00::/7), link-local or loopback"),
    ("is_global", "(addr)", "whether it is of the Internet: not private, shared, reserved or multicast"),
    ("ip_family", "(addr)", "4 or 6"),
    ("ip", "(addr)", "16 bytes that are ordered as addresses are; IPv4 as ::ffff:a.b.c.d"),
    ("ip_text", "(bytes)", "such bytes as an address"),
    ("service", "(port [, proto])", "the name of a port; of tcp if no protocol is given"),
    ("has_flag", "(flags, flag, ...)", "whether all of these TCP flags are set"),
    ("is_scan", "(flags)", "whether no normal sender sets these TCP flags together"),
    ("icmp_name", "(type [, family])", "the name of an ICMP type; of IPv4 if no family (4 or 6) is given"),
];

/// All of them.
#[must_use]
pub fn all() -> Vec<ScalarUDF> {
    let exact = |types: &[DataType]| Signature::exact(types.to_vec(), Volatility::Immutable);
    let either = |some: &[&[DataType]]| {
        let exact = some.iter().map(|types| TypeSignature::Exact(types.to_vec())).collect();
        Signature::one_of(exact, Volatility::Immutable)
    };
    let texts = || Signature::variadic(vec![Utf8], Volatility::Immutable);
    let binary = DataType::FixedSizeBinary(BYTES);
    let function = |name, takes, gives, body| ScalarUDF::from(Function { name, takes, gives, body });
    vec![
        function("cidr_match", texts(), Boolean, cidr_match),
        function("network", either(&[&[Utf8, Int64], &[Utf8, Int64, Int64]]), Utf8, network),
        function("is_private", exact(&[Utf8]), Boolean, |args| tested(args, is_private)),
        function("is_global", exact(&[Utf8]), Boolean, |args| tested(args, is_global)),
        function("ip_family", exact(&[Utf8]), Int64, ip_family),
        function("ip", exact(&[Utf8]), binary.clone(), ip),
        function("ip_text", exact(&[binary]), Utf8, ip_text),
        function("service", either(&[&[Int64], &[Int64, Utf8]]), Utf8, service),
        function("has_flag", texts(), Boolean, has_flag),
        function("is_scan", exact(&[Utf8]), Boolean, is_scan),
        function("icmp_name", either(&[&[Int64], &[Int64, Int64]]), Utf8, icmp_name),
    ]
}

/// The texts of an argument, row by row.
fn texts(array: &ArrayRef) -> Result<impl Iterator<Item = Option<&str>>> {
    Ok(as_string_array(array)?.iter())
}

/// The addresses of an argument; what is none is missing.
fn addresses(array: &ArrayRef) -> Result<impl Iterator<Item = Option<IpAddr>>> {
    Ok(texts(array)?.map(|text| IpAddr::from_str(text?).ok()))
}

/// What a test of an address says of each.
fn tested(args: &[ArrayRef], test: fn(IpAddr) -> bool) -> Result<ArrayRef> {
    let [addrs] = args else { return exec_err!("one address is needed") };
    Ok(Arc::new(addresses(addrs)?.map(|addr| addr.map(test)).collect::<BooleanArray>()))
}

/// What was parsed last, by its text: constants come in every row.
struct Parsed<T> {
    text: String,
    value: Option<T>,
}

impl<T> Parsed<T> {
    fn new() -> Parsed<T> {
        Parsed { text: String::new(), value: None }
    }

    fn get(&mut self, text: &str, parse: impl FnOnce(&str) -> Result<T>) -> Result<&T> {
        if self.text != text || self.value.is_none() {
            self.value = Some(parse(text)?);
            text.clone_into(&mut self.text);
        }
        match &self.value {
            Some(value) => Ok(value),
            None => exec_err!("nothing was parsed"),
        }
    }
}

fn cidr_match(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [addrs, networks @ ..] = args else { return exec_err!("cidr_match needs an address") };
    if networks.is_empty() {
        return exec_err!("cidr_match needs a network: cidr_match(src, '10.0.0.0/8')");
    }
    let addrs: Vec<Option<IpAddr>> = addresses(addrs)?.collect();
    let mut said: Vec<Option<bool>> = addrs.iter().map(|addr| addr.map(|_| false)).collect();
    for array in networks {
        let mut last = Parsed::new();
        for (row, text) in texts(array)?.enumerate() {
            let (Some(text), Some(addr)) = (text, addrs[row]) else {
                said[row] = said[row].filter(|said| *said);
                continue;
            };
            let net = last.get(text, |text| match Net::parse(text) {
                Some(net) => Ok(net),
                None => exec_err!("`{text}` is no network: 10.0.0.0/8, 2001:db8::/32"),
            })?;
            if net.contains(addr) {
                said[row] = Some(true);
            }
        }
    }
    Ok(Arc::new(BooleanArray::from(said)))
}

/// The lengths as `src/24` has them: one that only IPv6 has leaves IPv4 addresses whole; one that both
/// have groups IPv6 by 64.
fn lengths(v4: i64, v6: Option<i64>) -> Option<(u8, u8)> {
    let length = u8::try_from(v4).ok()?;
    match (length, v6) {
        (0..=32, None) => Some((length, length.max(64))),
        (33..=128, None) => Some((32, length)),
        (0..=32, Some(v6)) => u8::try_from(v6).ok().filter(|v6| *v6 <= 128).map(|v6| (length, v6)),
        _ => None,
    }
}

fn network(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (addrs, v4, v6) = match args {
        [addrs, v4] => (addrs, as_int64_array(v4)?, None),
        [addrs, v4, v6] => (addrs, as_int64_array(v4)?, Some(as_int64_array(v6)?)),
        _ => return exec_err!("network needs an address and a length"),
    };
    let mut rows = Vec::with_capacity(addrs.len());
    for (row, addr) in addresses(addrs)?.enumerate() {
        let there = v4.is_valid(row) && v6.is_none_or(|v6| v6.is_valid(row));
        let Some(addr) = addr.filter(|_| there) else {
            rows.push(None);
            continue;
        };
        let Some((short, long)) = lengths(v4.value(row), v6.map(|v6| v6.value(row))) else {
            return exec_err!("a network's length is 0 to 32, or to 128 for IPv6");
        };
        let length = if addr.is_ipv4() { short } else { long };
        rows.push(Some(format!("{}/{length}", fwlog::names::table::masked(addr, length))));
    }
    Ok(Arc::new(StringArray::from(rows)))
}

fn is_private(addr: IpAddr) -> bool {
    match addr.to_canonical() {
        IpAddr::V4(addr) => addr.is_private() || addr.is_link_local() || addr.is_loopback(),
        IpAddr::V6(addr) => addr.is_unique_local() || addr.is_unicast_link_local() || addr.is_loopback(),
    }
}

/// Blocks that are not of the Internet, besides the private ones (IANA's registries of special addresses).
const SPECIAL: [(IpAddr, u8); 15] = {
    const fn v4(a: u8, b: u8, c: u8) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::new(a, b, c, 0))
    }
    const fn v6(a: u16, b: u16) -> IpAddr {
        IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0))
    }
    [
        (v4(0, 0, 0), 8),
        (v4(100, 64, 0), 10),
        (v4(192, 0, 0), 24),
        (v4(192, 0, 2), 24),
        (v4(198, 18, 0), 15),
        (v4(198, 51, 100), 24),
        (v4(203, 0, 113), 24),
        (v4(224, 0, 0), 4),
        (v4(240, 0, 0), 4),
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 128),
        (v6(0x64, 0xff9b), 48),
        (v6(0x100, 0), 64),
        (v6(0x2001, 0x2), 48),
        (v6(0x2001, 0xdb8), 32),
        (v6(0xff00, 0), 8),
    ]
};

fn is_global(addr: IpAddr) -> bool {
    let addr = addr.to_canonical();
    let special = |(block, length): &(IpAddr, u8)| {
        block.is_ipv4() == addr.is_ipv4() && fwlog::names::table::masked(addr, *length) == *block
    };
    !is_private(addr) && !SPECIAL.iter().any(special)
}

fn ip_family(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [addrs] = args else { return exec_err!("ip_family needs an address") };
    let family = |addr: IpAddr| if addr.is_ipv4() { 4 } else { 6 };
    Ok(Arc::new(addresses(addrs)?.map(|addr| addr.map(family)).collect::<Int64Array>()))
}

fn ip(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [addrs] = args else { return exec_err!("ip needs an address") };
    let mut rows = FixedSizeBinaryBuilder::with_capacity(addrs.len(), BYTES);
    for addr in addresses(addrs)? {
        match addr {
            None => rows.append_null(),
            Some(IpAddr::V4(addr)) => rows.append_value(addr.to_ipv6_mapped().octets())?,
            Some(IpAddr::V6(addr)) => rows.append_value(addr.octets())?,
        }
    }
    Ok(Arc::new(rows.finish()))
}

fn ip_text(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [bytes] = args else { return exec_err!("ip_text needs an address of ip()") };
    let rows = as_fixed_size_binary_array(bytes)?.iter().map(|bytes| {
        let bytes: [u8; BYTES as usize] = bytes?.try_into().ok()?;
        Some(IpAddr::from(bytes).to_canonical().to_string())
    });
    Ok(Arc::new(rows.collect::<StringArray>()))
}

fn service(args: &[ArrayRef]) -> Result<ArrayRef> {
    let Some(ports) = args.first() else { return exec_err!("service needs a port") };
    let mut protocols = args.get(1).map(texts).transpose()?;
    let rows = as_int64_array(ports)?.iter().map(|port| {
        let protocol = match &mut protocols {
            Some(protocols) => Protocol::from_name(protocols.next().flatten()?.as_bytes())?,
            None => Protocol::TCP,
        };
        services::name(protocol, u16::try_from(port?).ok()?)
    });
    Ok(Arc::new(rows.collect::<StringArray>()))
}

fn has_flag(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [flags, wanted @ ..] = args else { return exec_err!("has_flag needs flags") };
    if wanted.is_empty() {
        return exec_err!("has_flag needs a flag: has_flag(flags, 'SYN')");
    }
    let mut said: Vec<Option<bool>> = texts(flags)?.map(|flags| flags.map(|_| true)).collect();
    for array in wanted {
        for (row, (flags, flag)) in texts(flags)?.zip(texts(array)?).enumerate() {
            let has = flags
                .zip(flag)
                .map(|(flags, flag)| flags.split(' ').any(|word| word.eq_ignore_ascii_case(flag)));
            said[row] = match (said[row], has) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
    }
    Ok(Arc::new(BooleanArray::from(said)))
}

/// Flags that scanners send: none, SYN with FIN or RST, and FIN without ACK.
fn is_scan(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [flags] = args else { return exec_err!("is_scan needs flags") };
    let scan = |flags: &str| {
        let has = |word| flags.split(' ').any(|flag| flag == word);
        flags.is_empty() || has("SYN") && (has("FIN") || has("RST")) || has("FIN") && !has("ACK")
    };
    Ok(Arc::new(texts(flags)?.map(|flags| flags.map(scan)).collect::<BooleanArray>()))
}

fn icmp_name(args: &[ArrayRef]) -> Result<ArrayRef> {
    let Some(types) = args.first() else { return exec_err!("icmp_name needs a type") };
    let families = args.get(1).map(as_int64_array_of).transpose()?;
    let rows = as_int64_array(types)?.iter().enumerate().map(|(row, number)| {
        let number = u8::try_from(number?).ok()?;
        match families.map_or(Some(4), |families| families.is_valid(row).then(|| families.value(row))) {
            Some(4) => IcmpType(number).name(),
            Some(6) => Icmpv6Type(number).name(),
            _ => None,
        }
    });
    Ok(Arc::new(rows.collect::<StringArray>()))
}

fn as_int64_array_of(array: &ArrayRef) -> Result<&Int64Array> {
    as_int64_array(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(rows: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(rows.to_vec()))
    }

    fn booleans(array: &ArrayRef) -> Vec<Option<bool>> {
        datafusion::common::cast::as_boolean_array(array).unwrap().iter().collect()
    }

    #[test]
    fn missing_and_no_address_are_missing() {
        let addrs = column(&[Some("10.1.2.3"), None, Some("x"), Some("2001:db8::1")]);
        let nets = column(&[Some("10.0.0.0/8"); 4]);
        let more = column(&[Some("2001:db8::/32"); 4]);
        let said = cidr_match(&[addrs.clone(), nets, more]).unwrap();
        assert_eq!(booleans(&said), [Some(true), None, None, Some(true)]);
        assert!(cidr_match(&[addrs.clone(), column(&[Some("10.0.0.0/99"); 4])]).is_err());
        let said = network(&[addrs, Arc::new(Int64Array::from(vec![24; 4]))]).unwrap();
        let said: Vec<_> = as_string_array(&said).unwrap().iter().collect();
        assert_eq!(said, [Some("10.1.2.0/24"), None, None, Some("2001:db8::/64")]);
    }

    #[test]
    fn lengths_are_those_of_top() {
        for (text, wanted) in [("src/24", (24, 64)), ("src/80", (32, 80)), ("src/0", (0, 64))] {
            let field = fwlog::record::Field::parse(text).unwrap();
            assert_eq!(field.net, Some(wanted));
            let length = text.rsplit('/').next().unwrap().parse().unwrap();
            assert_eq!(lengths(length, None), Some(wanted));
        }
        assert_eq!(lengths(129, None), None);
        assert_eq!(lengths(24, Some(48)), Some((24, 48)));
    }

    #[test]
    fn addresses_as_bytes_lead_back() {
        let texts = [Some("10.1.2.3"), Some("2001:db8::1"), None];
        let bytes = ip(&[column(&texts)]).unwrap();
        let back = ip_text(&[bytes]).unwrap();
        assert_eq!(as_string_array(&back).unwrap().iter().collect::<Vec<_>>(), texts);
    }

    #[test]
    fn flags_of_scans() {
        let flags = column(&[Some("SYN"), Some(""), Some("URG PSH FIN"), Some("ACK FIN"), None]);
        let said = booleans(&is_scan(&[Arc::clone(&flags)]).unwrap());
        assert_eq!(said, [Some(false), Some(true), Some(true), Some(false), None]);
        let said = booleans(&has_flag(&[flags, column(&[Some("fin"); 5])]).unwrap());
        assert_eq!(said, [Some(false), Some(false), Some(true), Some(true), None]);
    }

    #[test]
    fn only_the_internet_is_global() {
        for (addr, private, global) in [
            ("8.8.8.8", false, true),
            ("10.0.0.1", true, false),
            ("100.64.0.1", false, false),
            ("192.0.2.1", false, false),
            ("::ffff:10.0.0.1", true, false),
            ("2a00::1", false, true),
            ("fe80::1", true, false),
            ("ff02::1", false, false),
        ] {
            let addr: IpAddr = addr.parse().unwrap();
            assert_eq!((is_private(addr), is_global(addr)), (private, global), "{addr}");
        }
    }

    #[test]
    fn every_function_has_its_help() {
        let mut names: Vec<String> = all().iter().map(|function| function.name().to_owned()).collect();
        names.sort_unstable();
        let mut known = HELP.map(|(name, _, _)| name);
        known.sort_unstable();
        assert_eq!(names, known);
    }
}
