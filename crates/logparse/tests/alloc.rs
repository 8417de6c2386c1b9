//! Reading allocates nothing, and what it reports lies in the line.
//!
//! The one test program with a global allocator of its own, which counts.

#![allow(unsafe_code)] // GlobalAlloc is an unsafe trait

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use logparse::*;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `work` allocates on this thread.
fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(10)))), 1);
}

#[test]
fn nothing_is_allocated() {
    for case in cases() {
        assert_eq!(allocations(|| _ = parse(&case.line)), 0, "parse: {}", case.name);
        assert_eq!(allocations(|| _ = parse_message(&case.line)), 0, "parse_message: {}", case.name);
        // The scratch buffer keeps its memory from line to line.
        let mut scratch = Vec::with_capacity(8192);
        assert_eq!(allocations(|| _ = parse_with(&case.line, &mut scratch)), 0, "parse_with: {}", case.name);
        let Ok(entry) = parse_with(&case.line, &mut scratch) else { continue };
        let mut out = Vec::with_capacity(8192);
        assert_eq!(allocations(|| entry.packet.emit(&mut out)), 0, "emit: {}", case.name);
        let options = || {
            for datagram in [Some(&entry.packet.datagram), entry.packet.quoted.as_ref()].into_iter().flatten()
            {
                match datagram.network {
                    Network::Ipv4(Ipv4 { options: Some(hex), .. }) => _ = hex.ip_options().count(),
                    Network::Ipv6(ip) => _ = ip.extensions.iter().count(),
                    _ => {}
                }
                if let Transport::Tcp(Tcp { options: Some(hex), .. }) = datagram.transport {
                    _ = hex.tcp_options().count();
                }
            }
        };
        assert_eq!(allocations(options), 0, "options: {}", case.name);
    }
}

/// Every slice of a result is a part of the line it was read from.
#[test]
fn every_slice_lies_in_the_line() {
    for case in cases() {
        let Ok(entry) = parse(&case.line) else { continue };
        let line = case.line.as_ptr_range();
        let inside = |slice: &[u8]| {
            let range = slice.as_ptr_range();
            assert!(
                slice.is_empty() || line.start <= range.start && range.end <= line.end,
                "{}: {}",
                case.name,
                slice.escape_ascii()
            );
        };
        let packet = entry.packet;
        [packet.prefix, packet.in_iface, packet.out_iface].into_iter().for_each(inside);
        [packet.phys_in, packet.phys_out].into_iter().flatten().for_each(inside);
        if let Link::Raw(mac) = packet.link {
            inside(mac.0);
        }
        for datagram in [Some(packet.datagram), packet.quoted].into_iter().flatten() {
            match datagram.network {
                Network::Ipv4(Ipv4 { options: Some(hex), .. }) => inside(hex.text()),
                Network::Ipv6(ip) => inside(ip.extensions.text()),
                _ => {}
            }
            if let Transport::Tcp(Tcp { options: Some(hex), .. }) = datagram.transport {
                inside(hex.text());
            }
        }
        let env = entry.envelope;
        let texts =
            [env.host, env.tag, env.pid, env.caller, env.kmsg_flags, env.delta, env.unix, env.outer_stamp];
        texts
            .into_iter()
            .flatten()
            .chain(env.stamp.map(|stamp| stamp.text))
            .chain(env.chain)
            .for_each(inside);
    }
}
