//! What the output looks like here: by the options, the terminal and the environment.
//!
//! Responsible for: colours, width and height, bars.
//! Must not know: what is shown.
//! Tested by: `tests/cli/surface.rs`, `tests/cli/snapshots.rs`.

use std::io::IsTerminal as _;

use crate::cli::{Color, LookArgs};
use crate::report::style::RenderOptions;

pub(crate) fn look(output: &LookArgs, plain: bool) -> RenderOptions {
    let to_terminal = !plain && output.file().is_none() && std::io::stdout().is_terminal();
    let color = match output.color {
        _ if plain => false,
        Color::Always => true,
        Color::Never => false,
        Color::Auto if output.file().is_some() => false,
        Color::Auto => anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
    };
    let columns =
        || std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok()).filter(|n| *n > 0);
    let size = || terminal_size::terminal_size();
    let terminal = || size().map(|(width, _)| usize::from(width.0));
    let lines = || std::env::var("LINES").ok().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
    let width = match output.width {
        Some(0) => None,
        Some(width) => Some(width),
        None if to_terminal => columns().or_else(terminal).or(Some(80)),
        None => None,
    };
    RenderOptions {
        color,
        bars: to_terminal || (!plain && output.width.is_some_and(|width| width > 0)),
        width,
        rows: if to_terminal { lines().or_else(|| Some(usize::from(size()?.1.0))) } else { None },
        header: !output.no_header,
        grouped: !output.exact,
    }
}
