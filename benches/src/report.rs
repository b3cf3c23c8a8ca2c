//! The table: what, ours, limit, ratio, required, and whether it holds.

use std::fmt::{self, Display};

/// What ours must reach of an earlier commit's: less is worse than noise, and so is more of a time or of memory.
const LEAST_RATE: f64 = 0.93;
const MOST_TIME: f64 = 1.07;

/// What one slice of ours and one of the limit gave.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    pub ours: f64,
    pub limit: f64,
}

pub struct Row {
    what: String,
    ours: String,
    limit: String,
    ratio: String,
    required: String,
    /// Unknown where the figure is only reported.
    holds: Option<bool>,
}

/// What a row says of ours: a rate (`/s`), a time (` ms`), or memory (` MiB`).
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub what: String,
    pub value: f64,
    unit: String,
}

pub struct Report {
    rows: Vec<Row>,
    /// What ours stands beside.
    beside: &'static str,
}

impl Report {
    pub fn beside(beside: &'static str) -> Report {
        Report { rows: vec![], beside }
    }

    pub fn add(&mut self, row: Row) {
        self.extend([row]);
    }

    pub fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            eprintln!("  {}: {} of {}, ratio {} (required {})", row.what, row.ours, row.limit, row.ratio, row.required);
            self.rows.push(row);
        }
    }

    /// Whether every requirement holds.
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds != Some(false))
    }
}

impl Row {
    /// A rate of ours that has to reach `required` times the limit's.
    pub fn rate(what: &str, unit: &str, pairs: &[Pair], required: f64) -> Row {
        let mut row = Row::reported_rate(what, unit, pairs);
        row.required = format!("≥ {required}");
        row.holds = Some(Spread::of(pairs.iter().map(|pair| pair.ours / pair.limit)).median >= required);
        row
    }

    /// A rate beside the limit's, without a requirement.
    pub fn reported_rate(what: &str, unit: &str, pairs: &[Pair]) -> Row {
        let ratio = Spread::of(pairs.iter().map(|pair| pair.ours / pair.limit));
        Row {
            what: what.to_owned(),
            ours: format!("{}/{unit}", thousands(Spread::of(pairs.iter().map(|pair| pair.ours)).median)),
            limit: format!("{}/{unit}", thousands(Spread::of(pairs.iter().map(|pair| pair.limit)).median)),
            ratio: format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.least, ratio.most),
            required: String::new(),
            holds: None,
        }
    }

    /// Times of ours, one per round, in milliseconds, beside those of the limit; `required` is the highest ratio.
    pub fn time(what: &str, pairs: &[Pair], required: Option<f64>) -> Row {
        let ratio = Spread::of(pairs.iter().map(|pair| pair.ours / pair.limit));
        Row {
            what: what.to_owned(),
            ours: milliseconds(Spread::of(pairs.iter().map(|pair| pair.ours)).median),
            limit: milliseconds(Spread::of(pairs.iter().map(|pair| pair.limit)).median),
            ratio: format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.least, ratio.most),
            required: required.map_or_else(String::new, |required| format!("≤ {required}")),
            holds: required.map(|required| ratio.median <= required),
        }
    }

    /// A figure per round that has to stay below a fixed one, if any.
    pub fn at_most(what: &str, unit: &str, figures: &[f64], required: Option<f64>) -> Row {
        let spread = Spread::of(figures.iter().copied());
        let limit = required.map_or_else(String::new, |required| format!("{required} {unit}"));
        let ratio = required.map_or_else(String::new, |required| {
            format!("{:.2} ({:.2}–{:.2})", spread.median / required, spread.least / required, spread.most / required)
        });
        Row {
            what: what.to_owned(),
            ours: format!("{:.1} {unit} ({:.1}–{:.1})", spread.median, spread.least, spread.most),
            required: if required.is_some() { "≤ 1".to_owned() } else { String::new() },
            holds: required.map(|required| spread.median <= required),
            limit,
            ratio,
        }
    }

    /// Ours beside an earlier commit's, one pair per round: worse is a rate that falls, anything else that rises.
    pub fn against(figure: &Figure, pairs: &[Pair]) -> Row {
        let ratio = Spread::of(pairs.iter().map(|pair| pair.ours / pair.limit));
        let (required, holds) = if figure.is_rate() {
            (format!("≥ {LEAST_RATE}"), ratio.median >= LEAST_RATE)
        } else {
            (format!("≤ {MOST_TIME}"), ratio.median <= MOST_TIME)
        };
        Row {
            what: figure.what.clone(),
            ours: figure.show(Spread::of(pairs.iter().map(|pair| pair.ours)).median),
            limit: figure.show(Spread::of(pairs.iter().map(|pair| pair.limit)).median),
            ratio: format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.least, ratio.most),
            required,
            holds: Some(holds),
        }
    }

    /// Marks the row as missed for a reason that the figures don't show.
    pub fn missed(mut self, why: &str) -> Row {
        self.what = format!("{} [{why}]", self.what);
        self.holds = Some(false);
        self
    }
}

struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(figures: impl IntoIterator<Item = f64>) -> Spread {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        let median = (at(figures.len().saturating_sub(1) / 2) + at(figures.len() / 2)) / 2.0;
        Spread { least: at(0), median, most: at(figures.len().saturating_sub(1)) }
    }
}

/// The value below which `share` of the figures lie; sorts them.
pub fn percentile(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let index = (figures.len() as f64 * share).ceil() as usize;
    figures.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn milliseconds(value: f64) -> String {
    format!("{value:.2} ms")
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// What a printed table says of ours.
pub fn figures(table: &str) -> Vec<Figure> {
    let rows = table.lines().filter_map(|line| line.strip_prefix('|')).skip(2);
    rows.filter_map(|row| {
        let mut cells = row.split('|').map(str::trim);
        let (what, ours) = (cells.next()?, cells.next()?);
        let digits = ours.find(|c: char| !(c.is_ascii_digit() || ".,".contains(c)))?;
        let (value, unit) = ours.split_at(digits);
        Some(Figure {
            what: what.split(" [").next()?.to_owned(),
            value: value.replace(',', "").parse().ok()?,
            unit: unit.split(" (").next()?.to_owned(),
        })
    })
    .collect()
}

impl Figure {
    /// A figure of the same unit as it is printed.
    fn show(&self, value: f64) -> String {
        if self.is_rate() { format!("{}{}", thousands(value), self.unit) } else { format!("{value:.2}{}", self.unit) }
    }

    /// More of it is better.
    fn is_rate(&self) -> bool {
        self.unit.starts_with('/')
    }
}

impl Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.show(self.value))
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "ours", self.beside, "ratio: median (range)", "required", "ok?"].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let holds = match row.holds {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "",
            };
            [&row.what, &row.ours, &row.limit, &row.ratio, &row.required, holds].map(str::to_owned)
        });
        let lines: Vec<[String; 6]> = std::iter::once(head).chain(rows).collect();
        let mut widths = [0; 6];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (index, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!(" {cell:width$} ")).collect::<Vec<_>>();
            writeln!(f, "|{}|", cells.join("|"))?;
            if index == 0 {
                writeln!(f, "|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.5, 4.0));
    }

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        let mut figures: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut figures, 0.99), 99.0);
        assert_eq!(percentile(&mut figures, 0.5), 50.0);
    }

    #[test]
    fn a_missed_ratio_fails_the_report() {
        let mut report = Report::beside("limit");
        report.add(Row::rate("a", "s", &[Pair { ours: 3.0, limit: 2.0 }], 1.5));
        assert!(report.holds());
        report.add(Row::rate("b", "s", &[Pair { ours: 2.9, limit: 2.0 }], 1.5));
        assert!(!report.holds());
    }

    #[test]
    fn a_printed_table_says_what_it_was_made_of() {
        let mut report = Report::beside("limit");
        report.add(Row::rate("append, 1 client", "s", &[Pair { ours: 12_345.4, limit: 2.0 }], 1.5));
        report.add(Row::time("cold", &[Pair { ours: 3.25, limit: 2.0 }], None));
        report.add(Row::at_most("resident", "MiB", &[140.04], Some(150.0)).missed("the pace was not kept"));
        let figure = |what: &str, value, unit: &str| Figure { what: what.to_owned(), value, unit: unit.to_owned() };
        let expected = [
            figure("append, 1 client", 12_345.0, "/s"),
            figure("cold", 3.25, " ms"),
            figure("resident", 140.0, " MiB"),
        ];
        assert_eq!(figures(&report.to_string()), expected);
        let [append, cold, resident] = expected.map(|figure| figure.to_string());
        assert_eq!((append.as_str(), cold.as_str(), resident.as_str()), ("12,345/s", "3.25 ms", "140.00 MiB"));
    }

    #[test]
    fn a_rate_must_not_fall_and_a_time_must_not_rise() {
        let holds = |unit: &str, ours| {
            let figure = Figure { what: "a".to_owned(), value: ours, unit: unit.to_owned() };
            let mut report = Report::beside("earlier");
            report.add(Row::against(&figure, &[Pair { ours, limit: 100.0 }]));
            report.holds()
        };
        assert!(holds("/s", 93.0) && holds("/s", 200.0) && !holds("/s", 92.0));
        assert!(holds(" ms", 107.0) && holds(" ms", 50.0) && !holds(" ms", 108.0));
    }
}
