//! Pictures as SVG, to stand in a page: bars, sparklines, columns over time, points, bands.
//!
//! A picture has no text but what names it: labels are the page's, so that they are never clipped, grow with the
//! reader's letters, and are read by screen readers. It has no style either: colours are the page's, by class.
//!
//! Responsible for: shapes, in as few bytes as they need.
//! Must not know: what is drawn.
//! Tested by: the unit tests below, `tests/cli/report_page.rs` in a browser.

use std::fmt::{self, Display, Formatter, Write as _};

use askama::filters::HtmlSafe;

/// A picture: markup that is safe to put into a page as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Svg(String);

impl Display for Svg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Nothing but numbers and words of this file is ever written into one, except for escaped names.
impl HtmlSafe for Svg {}

/// Units of height of sparklines and columns; the page makes them as high as it likes.
const HEIGHT: f64 = 100.0;

/// Lines are as wide in a picture that is stretched as in one that is not.
const STROKE: &str = "vector-effect=non-scaling-stroke";

/// A number in few digits.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// Text in an attribute or an element.
fn escaped(text: &str) -> String {
    askama::filters::escape(text, askama::filters::Html)
        .map_or_else(|_| String::new(), |safe| safe.to_string())
}

/// A part of a whole, from 0 to 1; the number stands beside it, so it has no name.
#[must_use]
pub fn bar(part: f64) -> Svg {
    // What is there at all is seen.
    let part = if part > 0.0 { part.clamp(0.006, 1.0) } else { 0.0 };
    Svg(format!(
        "<svg class=bar viewBox=\"0 0 100 8\" preserveAspectRatio=none aria-hidden=true><rect class=rail width=100 \
         height=8 /><rect class=fill width={} height=8 /></svg>",
        short(part * 100.0)
    ))
}

/// Values over time on a scale of their own; `name` says what is seen.
#[must_use]
pub fn sparkline(values: &[u64], name: &str) -> Svg {
    let largest = values.iter().copied().max().unwrap_or(0).max(1);
    let base = vec![0.0; values.len()];
    let tops: Vec<f64> = values.iter().map(|value| *value as f64 / largest as f64).collect();
    let mut out = opened("spark", values.len().max(1) as f64, HEIGHT, name);
    let _ = write!(out, "<path d=\"{}\" /></svg>", columns(&base, &tops));
    Svg(out)
}

/// Several values over time on one scale, one above the other, each with a class of its own: `s0`, `s1` ...
#[must_use]
pub fn stacked(series: &[&[u64]], name: &str) -> Svg {
    let count = series.first().map_or(0, |values| values.len());
    let sums: Vec<u64> = (0..count).map(|at| series.iter().map(|values| values[at]).sum()).collect();
    let largest = sums.iter().copied().max().unwrap_or(0).max(1) as f64;
    let mut out = opened("stack", count.max(1) as f64, HEIGHT, name);
    let _ = write!(out, "<path class=grid {STROKE} d=\"M0 50H{count}M0 .5H{count}\" />");
    let mut base = vec![0.0; count];
    for (at, values) in series.iter().enumerate() {
        let tops: Vec<f64> =
            base.iter().zip(*values).map(|(base, value)| base + *value as f64 / largest).collect();
        let shape = columns(&base, &tops);
        if !shape.is_empty() {
            let _ = write!(out, "<path class=s{at} d=\"{shape}\" />");
        }
        base = tops;
    }
    out.push_str("</svg>");
    Svg(out)
}

/// Columns one unit wide, from their bases to their tops (parts of the height); those of no height are left out.
fn columns(bases: &[f64], tops: &[f64]) -> String {
    let mut out = String::new();
    for (at, (base, top)) in bases.iter().zip(tops).enumerate().filter(|(_, (base, top))| top > base) {
        // What is there at all is seen.
        let height = ((top - base) * HEIGHT).clamp(2.0, HEIGHT);
        let bottom = (HEIGHT - base * HEIGHT).clamp(height, HEIGHT);
        let _ = write!(out, "M{at} {}v-{}h.9v{1}z", short(bottom), short(height));
    }
    out
}

/// A point of a picture.
#[derive(Clone, Debug)]
pub struct Point {
    /// Along, at least 1.
    pub x: u64,
    /// Up, at least 1.
    pub y: u64,
    /// What it is, shown when it is pointed at.
    pub name: String,
    /// Whether it is to be seen first.
    pub marked: bool,
}

/// Points on logarithmic scales; gives the largest powers of ten along and up as well, for the axes' words.
#[must_use]
pub fn points(points: &[Point], name: &str) -> (Svg, u64, u64) {
    const WIDTH: f64 = 400.0;
    const UP: f64 = 100.0;
    const MARGIN: f64 = 5.0;
    let decades = |largest: u64| libm::log10(largest.max(2) as f64).ceil().max(1.0);
    let (across, up) = (
        decades(points.iter().map(|point| point.x).max().unwrap_or(1)),
        decades(points.iter().map(|point| point.y).max().unwrap_or(1)),
    );
    let place = |value: u64, decades: f64, length: f64| {
        libm::log10(value.max(1) as f64) / decades * (length - 2.0 * MARGIN) + MARGIN
    };
    let mut out = opened("dots", WIDTH, UP, name);
    let mut lines = String::new();
    for decade in 0..=across as u32 {
        let _ = write!(lines, "M{} 0V{UP}", short(place(10u64.pow(decade), across, WIDTH)));
    }
    for decade in 0..=up as u32 {
        let _ = write!(lines, "M0 {}H{WIDTH}", short(UP - place(10u64.pow(decade), up, UP)));
    }
    let _ = write!(out, "<path class=grid {STROKE} d=\"{lines}\" />");
    // A line of no length with round ends is a circle, however the picture is stretched.
    for point in points {
        let (x, y) = (place(point.x, across, WIDTH), UP - place(point.y, up, UP));
        let class = if point.marked { "mark" } else { "dot" };
        let _ = write!(
            out,
            "<path class={class} {STROKE} d=\"M{} {}h0\"><title>{}</title></path>",
            short(x),
            short(y),
            escaped(&point.name)
        );
    }
    out.push_str("</svg>");
    (Svg(out), 10u64.pow(across as u32), 10u64.pow(up as u32))
}

/// The beginning of a picture that is stretched to the room it is given.
fn opened(class: &str, width: f64, height: f64, name: &str) -> String {
    format!(
        "<svg class={class} viewBox=\"0 0 {width} {height}\" preserveAspectRatio=none role=img aria-label=\"{}\">",
        escaped(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_attribute() {
        let name = "\"><script>alert(1)</script>";
        let point = Point { x: 1, y: 10, name: name.to_owned(), marked: true };
        for svg in [sparkline(&[1, 2], name), stacked(&[&[1, 2]], name), points(&[point], name).0] {
            assert!(!svg.to_string().contains("<script"), "{svg}");
        }
    }

    #[test]
    fn the_largest_value_is_as_high_as_the_picture() {
        let svg = sparkline(&[0, 5, 10], "x").to_string();
        assert!(svg.contains("d=\"M1 100v-50h.9v50zM2 100v-100h.9v100z\""), "{svg}");
        // A small value beside a very large one is seen.
        assert!(sparkline(&[1, 1_000_000], "x").to_string().contains("M0 100v-2h.9v2z"));
        assert!(bar(0.0).to_string().contains("width=0 "));
        assert!(bar(0.000_1).to_string().contains("width=0.6 "));
    }

    #[test]
    fn columns_stand_on_each_other_and_inside() {
        let svg = stacked(&[&[5, 0], &[5, 1]], "x").to_string();
        assert!(svg.contains("class=s0 d=\"M0 100v-50h.9v50z\""), "{svg}");
        assert!(svg.contains("class=s1 d=\"M0 50v-50h.9v50zM1 100v-10h.9v10z\""), "{svg}");
        for svg in [stacked(&[], "x"), sparkline(&[], "x")] {
            assert!(!svg.to_string().contains("NaN"), "{svg}");
        }
    }

    #[test]
    fn points_have_decades() {
        let point = |x, y| Point { x, y, name: String::new(), marked: false };
        let (_, across, up) = points(&[point(1, 1), point(60_000, 900)], "x");
        assert_eq!((across, up), (100_000, 1_000));
        assert_eq!(points(&[], "x").1, 10);
    }
}
