//! Counts by hour of the day and day of the week as a picture: the darker, the more packets.
//!
//! Responsible for: the grid and its shades.
//! Must not know: how counting works.
//! Tested by: the unit tests below, `tests/cli/screens.rs`.

use super::style::{BAR, DIM, HEADING, PEAK, RenderOptions};
use fwlog::aggregate::{Timeline, key};
use fwlog::record::{Key, OwnedValue, WEEKDAYS};
use fwlog::text;

const HOURS: usize = 24;
/// Shades, the fewest packets first.
const SHADES: [char; 4] = ['░', '▒', '▓', '█'];

/// Packets by day of the week and hour of the day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heat([[u64; HOURS]; 7]);

impl Heat {
    /// The counts of a timeline by these two fields, in either order; `None` for other fields.
    #[must_use]
    pub fn of(timeline: &Timeline) -> Option<Heat> {
        let fields = timeline.fields();
        let at = |wanted| fields.iter().position(|field| field.key == wanted);
        let (day, hour) = (at(Key::Weekday)?, at(Key::HourOfDay)?);
        if fields.len() != 2 {
            return None;
        }
        let mut heat = Heat::default();
        for (bytes, count) in timeline.ranked() {
            let cells = key::decode(&bytes);
            if let Some((day, hour)) = place(&cells[day], &cells[hour]) {
                heat.0[day][hour] += count;
            }
        }
        Some(heat)
    }

    /// The grid: a row a day, a field an hour, sums at its edges where there is room.
    #[must_use]
    pub fn table(&self, look: &RenderOptions) -> String {
        let largest = self.0.iter().flatten().copied().max().unwrap_or(0);
        let sums: Vec<u64> = self.0.iter().map(|hours| hours.iter().sum()).collect();
        let digits = sums.iter().map(|sum| look.number(*sum).len()).max().unwrap_or(1);
        // Each hour has the columns that its name needs, unless the screen is narrow.
        let grid = 4 + HOURS * 3;
        let wide = look.width.is_none_or(|width| width >= grid);
        let summed = look.width.is_none_or(|width| width >= grid + 2 + digits);
        let each = if wide { 3 } else { 1 };
        let hours: String = (0..HOURS)
            .map(|hour| match (wide, hour % 6) {
                (true, _) => format!("{hour:>3}"),
                (false, 0) => format!("{hour:<2}"),
                (false, 1) => String::new(),
                _ => " ".to_owned(),
            })
            .collect();
        let mut out = String::new();
        if look.header {
            let head = format!(
                "    {hours}{}",
                if summed { format!("  {:>digits$}", "ALL") } else { String::new() }
            );
            out.push_str(&(look.paint(HEADING, head.trim_end()) + "\n"));
        }
        for (day, counts) in WEEKDAYS.iter().zip(&self.0) {
            let cells: String = counts
                .iter()
                .map(|count| {
                    let style = if *count == largest && largest > 0 { PEAK } else { BAR };
                    let shade = shade(*count, largest).to_string();
                    let pad = " ".repeat(usize::from(each == 3));
                    pad + &look.paint(style, &shade.repeat(if each == 3 { 2 } else { 1 }))
                })
                .collect();
            let sum: u64 = counts.iter().sum();
            let sum = if summed { format!("  {:>digits$}", look.number(sum)) } else { String::new() };
            out.push_str(&format!("{day} {cells}{sum}"));
            out.push('\n');
        }
        if look.header {
            out.push_str(&(look.paint(DIM, &self.peak(look, largest)) + "\n"));
        }
        out
    }

    /// Where the most packets are.
    fn peak(&self, look: &RenderOptions, largest: u64) -> String {
        let all = self
            .0
            .iter()
            .zip(WEEKDAYS)
            .flat_map(|(hours, day)| hours.iter().enumerate().map(move |hour| (day, hour)));
        let peak = all.max_by_key(|(_, (hour, count))| (**count, std::cmp::Reverse(*hour)));
        match peak.filter(|_| largest > 0) {
            Some((day, (hour, _))) => {
                let packets = text::count_of(largest, "packet", "packets");
                let line = format!("peak: {day} {hour:02}:00, {packets}; each ░▒▓█ is a quarter of that");
                match look.width {
                    Some(width) if text::width(&line) > width => {
                        format!("peak: {day} {hour:02}:00, {packets}")
                    }
                    _ => line,
                }
            }
            None => "no packets match".to_owned(),
        }
    }
}

/// The day and the hour of a key.
fn place(day: &OwnedValue, hour: &OwnedValue) -> Option<(usize, usize)> {
    let OwnedValue::Text(day) = day else { return None };
    let day =
        WEEKDAYS.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(day.get(..3).unwrap_or(day)))?;
    let hour: usize = match hour {
        OwnedValue::Number(hour) => usize::try_from(*hour).ok()?,
        other => other.to_plain().get(..2)?.parse().ok()?,
    };
    (hour < HOURS).then_some((day, hour))
}

fn shade(count: u64, largest: u64) -> char {
    match count {
        0 => '·',
        _ => SHADES[((u128::from(count) * 4 - 1) / u128::from(largest)).min(3) as usize],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_are_quarters() {
        let shades: String = [0, 1, 25, 26, 50, 75, 76, 100].map(|count| shade(count, 100)).iter().collect();
        assert_eq!(shades, "·░░▒▒▓██");
    }
}
