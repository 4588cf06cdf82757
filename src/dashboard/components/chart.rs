//! Small charts in SVG: bars, lines, sparkline. Places are attributes in percent, so a chart fills whatever width
//! it gets, and the figures stand in a table below it for those who cannot see or hover.

use std::fmt::Write as _;

use maud::{Markup, Render, html};

use super::{number, percent};
use crate::dashboard::icons::Icon;

/// One row of figures; as many values as the chart has labels (missing ones are not drawn).
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// The values, in the order of the labels.
    pub values: Vec<u64>,
}

impl Series {
    /// A series.
    pub fn new(name: impl Into<String>, values: Vec<u64>) -> Self {
        Self {
            name: name.into(),
            values,
        }
    }
}

/// The next number of the form 1, 2, 2.5 or 5 times a power of ten that four steps divide well.
fn ceiling(max: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for factor in [4, 8, 12, 20, 24, 32] {
            if factor * step >= max {
                return factor * step;
            }
        }
        let Some(next) = step.checked_mul(10) else {
            return max;
        };
        if next > u64::MAX / 32 {
            return max;
        }
        step = next;
    }
}

/// The part above the value, for a vertical axis that grows downwards.
fn from_top(value: u64, top: u64) -> String {
    percent(top.saturating_sub(value), top)
}

fn wide(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}

/// What bars and lines have in common: title, labels, series, frame, table.
#[derive(Clone, Debug)]
struct Plot {
    title: String,
    labels: Vec<String>,
    series: Vec<Series>,
}

impl Plot {
    fn max(&self) -> u64 {
        self.series
            .iter()
            .flat_map(|series| series.values.iter().copied())
            .max()
            .unwrap_or(0)
    }

    fn frame(&self, class: &str, top: u64, drawing: &Markup) -> Markup {
        // At most eight labels, else they run into each other.
        let every = self.labels.len().div_ceil(8).max(1);
        html! {
            figure class={ "chart " (class) } {
                @if self.series.len() > 1 {
                    ul.chart-legend aria-hidden="true" {
                        @for (index, series) in self.series.iter().enumerate() {
                            li { span class={ "swatch swatch-" (index % 4 + 1) } {} (series.name) }
                        }
                    }
                }
                div.chart-plot {
                    div.chart-axis-y aria-hidden="true" { @for step in (0..=4_u64).rev() { span { (number(top / 4 * step)) } } }
                    svg.chart-svg role="img" aria-label=(self.title) {
                        title { (self.title) }
                        @for step in 0..=4_u64 {
                            line.chart-grid.chart-grid-base[step == 4] x1="0" x2="100%" y1={ (step * 25) "%" } y2={ (step * 25) "%" } {}
                        }
                        (drawing)
                    }
                    div.chart-axis-x aria-hidden="true" {
                        @for label in self.labels.iter().step_by(every) { span { (label) } }
                    }
                }
                (self.table())
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            details.disclosure {
                summary { (Icon::ChevronRight.with_class("icon-chevron")) "Figures" }
                table.chart-table {
                    caption.sr-only { (self.title) }
                    thead { tr { th scope="col" { span.sr-only { "Period" } } @for series in &self.series { th scope="col" { (series.name) } } } }
                    tbody {
                        @for (index, label) in self.labels.iter().enumerate() {
                            tr {
                                th scope="row" { (label) }
                                @for series in &self.series { td { @if let Some(value) = series.values.get(index) { (number(*value)) } } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// All values at one place of the horizontal axis, for the pointer.
    fn tip(&self, index: usize) -> String {
        let mut text = self.labels.get(index).cloned().unwrap_or_default();
        for series in &self.series {
            if let Some(value) = series.values.get(index) {
                let _ = write!(text, "\n{}: {}", series.name, number(*value));
            }
        }
        text
    }
}

/// Bars beside each other, one for each series at each label.
#[derive(Clone, Debug)]
#[must_use]
pub struct BarChart(Plot);

impl BarChart {
    /// `title` says what is shown, in words for those who cannot see it.
    pub fn new(title: impl Into<String>, labels: Vec<String>, series: Vec<Series>) -> Self {
        Self(Plot {
            title: title.into(),
            labels,
            series,
        })
    }
}

impl Render for BarChart {
    fn render(&self) -> Markup {
        let plot = &self.0;
        let top = ceiling(plot.max());
        let groups = wide(plot.labels.len()).max(1);
        let bars = wide(plot.series.len()).max(1);
        // Each group is 100 units wide: 18 of space on both sides, the bars between.
        let slot = 64 / bars;
        let drawing = html! {
            @for index in 0..plot.labels.len() {
                g {
                    title { (plot.tip(index)) }
                    rect.chart-hit x={ (percent(wide(index), groups)) "%" } width={ (percent(1, groups)) "%" } height="100%" {}
                    @for (place, series) in plot.series.iter().enumerate() {
                        @if let Some(value) = series.values.get(index) {
                            rect class={ "area-" (place % 4 + 1) } rx="2"
                                x={ (percent(wide(index) * 100 + 18 + slot * wide(place), groups * 100)) "%" }
                                width={ (percent(slot.saturating_sub(u64::from(bars > 1) * 3).max(1), groups * 100)) "%" }
                                y={ (from_top(*value, top)) "%" } height={ (percent(*value, top)) "%" } {}
                        }
                    }
                }
            }
        };
        plot.frame("chart-bar", top, &drawing)
    }
}

/// The points of a line in a square of 100 by 100.
fn points(values: &[u64], top: u64) -> Vec<(String, String)> {
    let last = wide(values.len().saturating_sub(1)).max(1);
    values
        .iter()
        .enumerate()
        .map(|(index, value)| (percent(wide(index), last), from_top(*value, top)))
        .collect()
}

fn path(points: &[(String, String)]) -> String {
    points
        .iter()
        .enumerate()
        .fold(String::new(), |mut text, (index, (x, y))| {
            let _ = write!(text, "{}{x} {y}", if index == 0 { 'M' } else { 'L' });
            text
        })
}

fn area(points: &[(String, String)]) -> String {
    if points.is_empty() {
        String::new()
    } else {
        format!("{}L100 100L0 100Z", path(points))
    }
}

/// One or more lines over time; a single one has its area filled.
#[derive(Clone, Debug)]
#[must_use]
pub struct LineChart(Plot);

impl LineChart {
    /// `title` says what is shown, in words for those who cannot see it.
    pub fn new(title: impl Into<String>, labels: Vec<String>, series: Vec<Series>) -> Self {
        Self(Plot {
            title: title.into(),
            labels,
            series,
        })
    }
}

impl Render for LineChart {
    fn render(&self) -> Markup {
        let plot = &self.0;
        let top = ceiling(plot.max());
        let last = wide(plot.labels.len().saturating_sub(1)).max(1);
        let drawing = html! {
            svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%" overflow="visible" {
                @for (index, series) in plot.series.iter().enumerate() {
                    @let points = points(&series.values, top);
                    @if plot.series.len() == 1 { path class={ "area area-" (index % 4 + 1) } d=(area(&points)) {} }
                    path class={ "series series-" (index % 4 + 1) } d=(path(&points)) {}
                }
            }
            @for (index, series) in plot.series.iter().enumerate() {
                @if let Some((x, y)) = points(&series.values, top).last() {
                    circle class={ "area-" (index % 4 + 1) } cx={ (x) "%" } cy={ (y) "%" } r="3.5" {}
                }
            }
            @for index in 0..plot.labels.len() {
                rect.chart-hit x={ (percent((wide(index) * 2).saturating_sub(1), last * 2)) "%" } width={ (percent(1, last)) "%" } height="100%" {
                    title { (plot.tip(index)) }
                }
            }
        };
        plot.frame("chart-line", top, &drawing)
    }
}

/// A line the size of a word, without axes.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sparkline {
    title: String,
    values: Vec<u64>,
}

impl Sparkline {
    /// `title` says what the line is of; first and last value are added for screen readers.
    pub fn new(title: impl Into<String>, values: Vec<u64>) -> Self {
        Self {
            title: title.into(),
            values,
        }
    }
}

impl Render for Sparkline {
    fn render(&self) -> Markup {
        let low = self.values.iter().copied().min().unwrap_or(0);
        let high = self.values.iter().copied().max().unwrap_or(0);
        let lifted: Vec<u64> = self.values.iter().map(|value| value - low).collect();
        let points = points(&lifted, (high - low).max(1));
        let label = match (self.values.first(), self.values.last()) {
            (Some(first), Some(last)) => format!(
                "{}: from {} to {}",
                self.title,
                number(*first),
                number(*last)
            ),
            _ => self.title.clone(),
        };
        html! {
            svg.sparkline viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=(label) {
                title { (label) }
                path.area.area-1 d=(area(&points)) {}
                path.series.series-1 d=(path(&points)) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number_above_the_largest_value() {
        assert_eq!(
            [0, 4, 5, 13, 33, 99, 250, 999].map(ceiling),
            [4, 4, 8, 20, 40, 120, 320, 1200]
        );
        assert!(ceiling(u64::MAX) == u64::MAX);
    }

    #[test]
    fn a_chart_has_a_name_and_its_figures_as_a_table() {
        let labels = vec!["Jan".to_owned(), "<Feb>".to_owned()];
        let text = BarChart::new("Seats", labels, vec![Series::new("Used", vec![1500, 3])])
            .render()
            .into_string();
        assert!(
            text.contains(r#"role="img" aria-label="Seats""#) && text.contains("<td>1,500</td>"),
            "{text}"
        );
        assert!(text.contains("&lt;Feb&gt;") && !text.contains(" style="));
    }

    #[test]
    fn charts_of_nothing_and_of_one_value_are_drawn() {
        for values in [vec![], vec![7]] {
            let labels: Vec<String> = values.iter().map(u64::to_string).collect();
            let line = LineChart::new("x", labels.clone(), vec![Series::new("a", values.clone())])
                .render()
                .into_string();
            assert!(line.contains("<svg") && !line.contains("NaN"));
            assert!(
                Sparkline::new("x", values)
                    .render()
                    .into_string()
                    .contains("</svg>")
            );
        }
    }
}
