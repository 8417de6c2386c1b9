//! `Serialize` of the values that are text of a line (feature `serde`).
//!
//! Responsible for: one form for such text: a string, in which bytes that are not UTF-8 are
//! replaced.
//! Must not know: which field a text is.
//! Tested by: the unit tests below.

use serde::{Serialize, Serializer};

use crate::packet::{Extensions, HexText, RawMac};

/// Text of a line.
pub(crate) fn bytes<S: Serializer>(text: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(text))
}

/// Text of a line, or nothing.
pub(crate) fn bytes_or_none<S: Serializer>(text: &Option<&[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    text.map(String::from_utf8_lossy).serialize(serializer)
}

impl Serialize for RawMac<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes(self.0, serializer)
    }
}

impl Serialize for HexText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes(self.text(), serializer)
    }
}

impl Serialize for Extensions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes(self.text().trim_ascii(), serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::types::{EtherType, Mac, Protocol, TcpFlags};

    #[test]
    fn a_packet_as_json() {
        let line =
            b"kernel: drop\xff IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 SRC=10.0.0.1 \
            DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 DF PROTO=TCP SPT=5 DPT=22 WINDOW=9 RES=0x00 \
            ACK SYN URGP=0 OPT (020405B4) MARK=0x1 ";
        let entry = crate::parse(line).unwrap();
        assert_eq!(entry.error, None);
        let packet = serde_json::to_value(entry.packet).unwrap();
        assert_eq!(packet["prefix"], json!("drop\u{fffd} "));
        assert_eq!(packet["in_iface"], json!("eth0"));
        assert_eq!(packet["phys_in"], json!(null));
        assert_eq!(packet["link"], json!({"Raw": "00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00"}));
        assert_eq!(packet["dialect"], json!("Kernel"));
        let datagram = &packet["datagram"];
        assert_eq!(datagram["network"]["Ipv4"]["src"], json!("10.0.0.1"));
        assert_eq!(datagram["network"]["Ipv4"]["flags"]["dont_fragment"], json!(true));
        let tcp = &datagram["transport"]["Tcp"];
        assert_eq!(tcp["ports"], json!({"src": 5, "dst": 22}));
        assert_eq!(tcp["flags"], json!(["ACK", "SYN"]));
        assert_eq!(tcp["options"], json!("020405B4"));
        assert_eq!(datagram["mark"], json!(1));
    }

    #[test]
    fn what_owns_its_value_comes_back() {
        fn round<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + core::fmt::Debug>(value: T) {
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value);
        }
        round(Protocol::TCP);
        round(EtherType::IPV6);
        round(Mac([0, 0x16, 0x3e, 1, 2, 0xff]));
        round(TcpFlags::SYN | TcpFlags::AE);
        round(TcpFlags::EMPTY);
        assert!(serde_json::from_str::<Mac>("\"00:16\"").is_err());
        assert!(serde_json::from_str::<TcpFlags>("[\"SIN\"]").is_err());
    }
}
