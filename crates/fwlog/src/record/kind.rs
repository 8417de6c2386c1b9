//! What type a field's values have, for forms of data that have types.
//!
//! Responsible for: one type for each field, the same in Parquet and in SQL.
//! Must not know: how a form writes a type.
//! Tested by: `fwstat/tests/cli/parquet.rs`, `fwstat-sql/tests/sql/top.rs`.

use super::field::{Field, Key};

/// What a column of a field holds. What a line does not have is missing in any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number that 64 bits with a sign can hold.
    Integer,
    /// A moment, in microseconds of UTC.
    Time,
    /// A day.
    Date,
    /// Seconds with a fraction.
    Double,
    /// Whether a bit is set.
    Boolean,
    /// Text, escaped as in every form of output.
    Text,
}

impl Field {
    /// What the field's values are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        // A network is no longer a number of the packet.
        if self.net.is_some() { Kind::Text } else { kind(self.key) }
    }

    /// All fields of a record, those of a quoted packet last, as exports have them.
    #[must_use]
    pub fn all() -> Vec<Field> {
        let in_record = || Key::ALL.iter().copied().filter(|key| key.in_record());
        let mut fields: Vec<Field> = in_record().map(Field::of).collect();
        for key in in_record().filter(|key| !key.of_line()) {
            fields.push(Field { name: format!("inner_{}", key.name()), key, inner: true, net: None });
        }
        fields
    }
}

/// What a field's values are.
fn kind(key: Key) -> Kind {
    match key {
        Key::Time | Key::Hour | Key::Minute => Kind::Time,
        Key::Day | Key::Month => Kind::Date,
        Key::Uptime => Kind::Double,
        Key::Ce | Key::Df | Key::Mf => Kind::Boolean,
        Key::Severity | Key::Repeat | Key::Line | Key::HourOfDay | Key::Uid | Key::Gid | Key::Mark => {
            Kind::Integer
        }
        Key::MacType | Key::VlanId | Key::VlanPcp | Key::ArpHtype | Key::ArpPtype | Key::ArpOpcode => {
            Kind::Integer
        }
        Key::Len | Key::Tos | Key::Prec | Key::Ttl | Key::IpId | Key::Frag | Key::Tc | Key::HopLimit => {
            Kind::Integer
        }
        Key::FlowLbl | Key::ProtoNumber | Key::Spt | Key::Dpt | Key::UdpLen | Key::TcpSeq | Key::TcpAck => {
            Kind::Integer
        }
        Key::Window | Key::Res | Key::Urgp | Key::IcmpType | Key::IcmpCode | Key::IcmpId | Key::IcmpSeq => {
            Kind::Integer
        }
        Key::Parameter | Key::Pointer | Key::Mtu | Key::Spi => Kind::Integer,
        _ => Kind::Text,
    }
}
