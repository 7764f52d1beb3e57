//! Tables that stand by themselves: a rule under the header and nothing else, so that they also read well in a file.

use super::paint::Color;
use super::table::Options;
use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Draws rows under a header, indented; every column but the first is aligned to the right.
pub(crate) fn draw(header: &[String], rows: &[Vec<String>], options: Options) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(options.width.clamp(60, 120) - 2).unwrap_or(118));
    match options.color {
        Color::On => table.enforce_styling(),
        Color::Off => table.force_no_tty(),
    };
    let cells = |row: &[String]| -> Vec<Cell> {
        let align = |at: usize| if at == 0 { CellAlignment::Left } else { CellAlignment::Right };
        row.iter().enumerate().map(|(at, text)| Cell::new(text).set_alignment(align(at))).collect()
    };
    table.set_header(cells(header));
    for row in rows {
        table.add_row(cells(row));
    }
    table.lines().map(|line| format!(" {}\n", line.trim_end())).collect()
}
