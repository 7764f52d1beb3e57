//! The table of measures against what is required of them.

use super::{Options, clip_to};
use crate::report::numbers::{UNKNOWN, against, delta, interval, score};
use crate::report::paint::{Color, Tone};
use crate::report::standing::{self, Standing};
use crate::report::v1::Gate;
use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// A rule under the header and nothing else: a table that also reads well when it is piped into a file.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// One measure.
struct Row {
    name: String,
    value: String,
    interval: String,
    required: String,
    remark: String,
    tone: Option<Tone>,
}

/// The table, indented; `None` where nothing was measured.
pub(super) fn draw(gate: &Gate, options: Options) -> Option<String> {
    let rows = rows(gate);
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(options.columns().saturating_sub(2)).unwrap_or(u16::MAX));
    match options.color {
        Color::On => table.enforce_styling(),
        Color::Off => table.force_no_tty(),
    };
    table.set_header(["measure", "result", "interval", "required", ""]);
    for row in rows {
        let remark = Cell::new(row.remark);
        table.add_row(vec![
            Cell::new(row.name),
            Cell::new(row.value),
            Cell::new(row.interval),
            Cell::new(row.required),
            match row.tone {
                Some(Tone::Bad) => remark.fg(comfy_table::Color::Red),
                Some(Tone::Good) => remark.fg(comfy_table::Color::Green),
                Some(Tone::Unsure) => remark.fg(comfy_table::Color::Yellow),
                _ => remark,
            },
        ]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<String> = table.lines().map(|line| format!(" {}\n", line.trim_end())).collect();
    Some(lines.concat())
}

fn rows(gate: &Gate) -> Vec<Row> {
    let mut rows = Vec::new();
    if gate.score.is_some() || gate.required.is_some() {
        rows.push(judge_score(gate));
    }
    for dimension in &gate.dimensions {
        let required = dimension.required;
        rows.push(Row {
            interval: interval(dimension.ci_low, dimension.ci_high, required),
            required: standing::demand(required),
            ..measure(
                format!("  {}", clip_to(&dimension.name, 28)),
                against(dimension.mean, required),
                standing::of_dimension(gate, dimension),
            )
        });
    }
    if let Some(base) = &gate.baseline {
        rows.push(Row {
            name: format!("change from {}", clip_to(&base.rev, 13)),
            value: delta(base.delta),
            interval: match (base.ci_low, base.ci_high) {
                (Some(_), Some(_)) => format!("{} to {}", delta(base.ci_low), delta(base.ci_high)),
                _ => UNKNOWN.to_owned(),
            },
            required: String::new(),
            remark: String::new(),
            tone: None,
        });
    }
    for (name, value) in &gate.metrics {
        rows.push(bare(clip_to(name, 30), *value));
    }
    rows.extend(gate.retrieved().into_iter().map(|found| {
        let name = format!("retrieval {}", found.name);
        let mut row =
            measure(name, against(found.value, found.required), standing::of_retrieval(gate, &found));
        row.required = standing::demand(found.required);
        if let (Some(value), Some(before)) = (found.value, found.before) {
            let was = format!("was {} ({})", score(Some(before)), delta(Some(value - before)));
            row.remark = if row.remark.is_empty() { was } else { format!("{}, {was}", row.remark) };
        }
        row
    }));
    rows
}

fn judge_score(gate: &Gate) -> Row {
    let found = gate.score.as_ref();
    let (low, high) = (found.and_then(|score| score.ci_low), found.and_then(|score| score.ci_high));
    let value = against(found.map(|score| score.mean), gate.required);
    let row = measure("judge score".to_owned(), value, standing::of_score(gate));
    Row {
        interval: interval(low, high, gate.required),
        required: standing::demand_of_score(gate),
        // A mean beside a demand on something else would explain nothing.
        remark: standing::bound(gate).map_or(row.remark.clone(), |bound| format!("{bound}: {}", row.remark)),
        ..row
    }
}

/// A measure, its value, and how it stands.
fn measure(name: String, value: String, standing: Standing) -> Row {
    Row { remark: standing.word().to_owned(), tone: standing.tone(), value, ..bare(name, None) }
}

fn bare(name: String, value: Option<f64>) -> Row {
    Row {
        name,
        value: score(value),
        interval: String::new(),
        required: String::new(),
        remark: String::new(),
        tone: None,
    }
}
