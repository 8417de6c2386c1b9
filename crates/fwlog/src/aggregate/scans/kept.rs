//! What every source asked for, as bytes that can be kept.
//!
//! Responsible for: the form of these bytes: columns, one behind the other; `docs/src/states.md` has it.
//! Must not know: files.
//! Tested by: the unit tests below, `fwstat/tests/cli/scan_states.rs`.

use std::array::from_fn;
use std::marker::PhantomData;

use super::Scans;
use super::fold::Folded;
use super::probe::{Address, Kind, Probe};
use super::table::Table;
use crate::aggregate::state::{Damaged, Reader, State, Writer};

/// Columns of a table.
const COLUMNS: usize = 17;
/// Probes that are read at once.
const PART: usize = 1 << 16;

impl State for Scans {
    fn write(&self, out: &mut Writer) {
        out.number(self.answers);
        out.number(self.others);
        self.folded.write(out);
        self.four.write(out);
        self.six.write(out);
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        (self.answers, self.others) = (from.times()?, from.times()?);
        self.folded = Folded::read(from)?;
        // Where memory is bounded, room is made before all is there.
        let most = self.room.map_or(usize::MAX, |_| PART);
        let mut four = Rows::new(from)?;
        while let Some(probes) = four.next(most)? {
            self.four.put(probes);
            self.fold();
        }
        let mut six = Rows::new(from)?;
        while let Some(probes) = six.next(most)? {
            self.six.put(probes);
            self.fold();
        }
        Ok(())
    }
}

/// A number of 128 bits as two.
fn put(out: &mut Writer, wide: u128) {
    out.number((wide >> 64) as u64);
    out.number(wide as u64);
}

fn take(from: &mut Reader<'_>) -> Result<u128, Damaged> {
    Ok(u128::from(from.number()?) << 64 | u128::from(from.number()?))
}

/// A number that fits its field.
fn small<T: TryFrom<u64>>(from: &mut Reader<'_>) -> Result<T, Damaged> {
    T::try_from(from.number()?).map_err(|_| Damaged("a number is too large for its field"))
}

impl Folded {
    fn write(&self, out: &mut Writer) {
        out.number(self.most);
        out.number(self.sources);
        out.number(self.packets);
        out.number(self.aims.len() as u64);
        for ((dst, protocol, port), sources) in &self.aims {
            put(out, *dst);
            out.number(u64::from(*protocol));
            out.number(u64::from(*port));
            out.number(*sources);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Folded, Damaged> {
        let (most, sources, packets) = (from.times()?, from.times()?, from.times()?);
        let aims = (0..from.count()?).map(|_| {
            let aim = (take(from)?, small(from)?, small(from)?);
            Ok((aim, from.times()?))
        });
        Ok(Folded { most, sources, packets, aims: aims.collect::<Result<_, Damaged>>()? })
    }
}

impl<A: Address> Table<A> {
    fn write(&self, out: &mut Writer) {
        let mut columns: [Writer; COLUMNS] = from_fn(|_| Writer::default());
        let (mut sources, mut src, mut dst, mut slot) = (0, 0, 0, 0);
        self.each_joined(&|_| true, &mut |probes: &[Probe<A>]| {
            sources += 1_u64;
            let own = probes[0].src.wide();
            put(&mut columns[0], own - src);
            src = own;
            columns[1].number(probes.len() as u64);
            for probe in probes {
                columns[2].signed(i64::from(probe.slot) - slot);
                slot = i64::from(probe.slot);
                let own = probe.dst.wide();
                put(&mut columns[3], own ^ dst);
                dst = own;
                write_rest(&mut columns, probe);
            }
        });
        out.number(sources);
        // Ten bytes are the longest number.
        out.reserve(columns.iter().map(|column| column.len() + 10).sum());
        columns.into_iter().for_each(|column| out.bytes(&column.finish()));
    }
}

/// Probes of a table that are read source by source.
struct Rows<'a, A> {
    sources: u64,
    /// Probes that are left.
    left: usize,
    columns: Vec<Reader<'a>>,
    /// The source, the destination, the slot of the one before.
    before: (Option<u128>, u128, i64),
    family: PhantomData<A>,
}

impl<'a, A: Address> Rows<'a, A> {
    fn new(from: &mut Reader<'a>) -> Result<Rows<'a, A>, Damaged> {
        let sources = from.number()?;
        let mut columns = Vec::with_capacity(COLUMNS);
        for _ in 0..COLUMNS {
            columns.push(Reader::new(from.bytes()?));
        }
        let left = all(sources, &columns)?;
        Ok(Rows { sources, left, columns, before: (None, 0, 0), family: PhantomData })
    }

    /// The probes of the next sources, so many or a few more; `None` at the end.
    fn next(&mut self, most: usize) -> Result<Option<Vec<Probe<A>>>, Damaged> {
        let mut probes: Vec<Probe<A>> = Vec::with_capacity(most.min(self.left));
        while self.sources > 0 && probes.len() < most {
            self.sources -= 1;
            self.source(&mut probes)?;
        }
        self.left = self.left.saturating_sub(probes.len());
        if !probes.is_empty() {
            return Ok(Some(probes));
        }
        std::mem::take(&mut self.columns).into_iter().try_for_each(Reader::finish)?;
        Ok(None)
    }

    /// Those of one source.
    fn source(&mut self, probes: &mut Vec<Probe<A>>) -> Result<(), Damaged> {
        let Rows { columns, before: (before, dst, slot), .. } = self;
        let (step, own) = (take(&mut columns[0])?, columns[1].number()?);
        if own == 0 || (step == 0 && before.is_some()) {
            return Err(Damaged("its sources are not in order"));
        }
        let src = before.unwrap_or(0).checked_add(step).ok_or(Damaged("an address is damaged"))?;
        *before = Some(src);
        for _ in 0..own {
            *slot = slot.saturating_add(columns[2].signed()?);
            *dst ^= take(&mut columns[3])?;
            let address = |wide| A::narrow(wide).ok_or(Damaged("an address is damaged"));
            let slot = u32::try_from(*slot).map_err(|_| Damaged("a moment is damaged"))?;
            let probe = read_rest(columns, address(src)?, address(*dst)?, slot)?;
            if probes.last().is_some_and(|last| last.key() >= probe.key()) {
                return Err(Damaged("its probes are not in order"));
            }
            probes.push(probe);
        }
        Ok(())
    }
}

/// How many probes so many sources have.
fn all(sources: u64, columns: &[Reader<'_>]) -> Result<usize, Damaged> {
    let mut each = columns[1].clone();
    let all = (0..sources).try_fold(0_usize, |all, _| {
        let own = usize::try_from(each.number()?).unwrap_or(usize::MAX);
        Ok(all.saturating_add(own))
    })?;
    // Each has a moment.
    columns[2].has(all)?;
    Ok(all)
}

/// All of a probe but who, whom and when.
fn write_rest<A>(columns: &mut [Writer; COLUMNS], probe: &Probe<A>) {
    columns[4].number(u64::from(probe.dport));
    columns[5].number(u64::from(probe.protocol));
    columns[6].number(u64::from(probe.marks) << 4 | probe.kind as u64);
    columns[7].number(u64::from(probe.first));
    columns[8].number(u64::from(probe.last));
    columns[9].number(u64::from(probe.order));
    columns[10].number(u64::from(probe.count));
    columns[11].number(u64::from(probe.sport));
    columns[12].number(u64::from(probe.window));
    columns[13].number(u64::from(probe.len));
    columns[14].number(u64::from(probe.id));
    columns[15].number(u64::from(probe.ttl));
    columns[16].number(u64::from(probe.ttls.0));
    columns[16].number(u64::from(probe.ttls.1));
}

fn read_rest<A>(columns: &mut [Reader<'_>], src: A, dst: A, slot: u32) -> Result<Probe<A>, Damaged> {
    let what: u8 = small(&mut columns[6])?;
    let kind = Kind::ALL.get(usize::from(what & 15)).ok_or(Damaged("a probe is of no kind"))?;
    Ok(Probe {
        src,
        dst,
        slot,
        dport: small(&mut columns[4])?,
        protocol: small(&mut columns[5])?,
        marks: what >> 4,
        kind: *kind,
        first: small(&mut columns[7])?,
        last: small(&mut columns[8])?,
        order: small(&mut columns[9])?,
        count: small(&mut columns[10])?,
        sport: small(&mut columns[11])?,
        window: small(&mut columns[12])?,
        len: small(&mut columns[13])?,
        id: small(&mut columns[14])?,
        ttl: small(&mut columns[15])?,
        ttls: (small(&mut columns[16])?, small(&mut columns[16])?),
    })
}

#[cfg(test)]
mod tests {
    use logparse::parse;

    use super::*;
    use crate::aggregate::Aggregate as _;
    use crate::record::Record;

    /// Some packets of IPv4 and IPv6, of which only the ports differ.
    fn scans(ports: std::ops::Range<u16>) -> Scans {
        let mut scans = Scans::new(None, 1);
        for port in ports {
            let hosts = match port % 2 {
                0 => "SRC=192.0.2.9 DST=198.51.100.7 LEN=44 TOS=0x00 PREC=0x00 TTL=50 ID=7",
                _ => "SRC=2001:db8::9 DST=2001:db8:1::7 LEN=64 TC=0 HOPLIMIT=50 FLOWLBL=0",
            };
            let flags = if port % 5 == 0 { "RST" } else { "SYN" };
            let line = format!(
                "kernel: in: IN=eth0 OUT= MAC= {hosts} PROTO=TCP SPT=4000 DPT={port} WINDOW=1024 RES=0x00 {flags} URGP=0"
            );
            let entry = parse(line.as_bytes()).unwrap();
            scans.add(&Record::alone(logparse::Line::Full(&entry), line.as_bytes()));
        }
        scans.settle();
        scans
    }

    fn bytes(scans: &Scans) -> Vec<u8> {
        let mut out = Writer::default();
        scans.write(&mut out);
        out.finish()
    }

    fn read(bytes: &[u8]) -> Result<Scans, Damaged> {
        let mut scans = Scans::new(None, 1);
        let mut from = Reader::new(bytes);
        scans.read(&mut from)?;
        from.finish()?;
        Ok(scans)
    }

    #[test]
    fn what_was_written_is_read() {
        let whole = scans(1..100);
        let written = bytes(&whole);
        let again = read(&written).unwrap();
        assert_eq!(bytes(&again), written);
        assert_eq!((again.answers(), again.four.len(), again.six.len()), (19, 41, 41));
        // Parts in any order are the whole, whether they were kept or not.
        for parts in [[1..40, 40..100], [40..100, 1..40]] {
            let mut joined = Scans::new(None, 1);
            for part in parts {
                joined.merge(read(&bytes(&scans(part))).unwrap());
            }
            assert_eq!(bytes(&joined), written);
        }
        assert_eq!(bytes(&read(&bytes(&scans(1..1))).unwrap()), bytes(&Scans::new(None, 1)));
    }

    #[test]
    fn damage_is_an_error() {
        let written = bytes(&scans(1..9));
        for end in 0..written.len() {
            assert!(read(&written[..end]).is_err(), "{end}");
        }
        for at in 0..written.len() {
            for value in [0, 0xf, 0x7f, 0xff] {
                let mut other = written.clone();
                other[at] = value;
                // What is read all the same is written as it was read.
                if let Ok(scans) = read(&other) {
                    assert_eq!(bytes(&scans), other, "{at}");
                }
            }
        }
    }
}
